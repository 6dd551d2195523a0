"""The challenge command: the best of some runs against the champion, on the same validation rows."""

import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from training.data.reading import read_keys
from training.errors import TrainingError
from training.evaluation.auc import AucDifference, auc, auc_difference
from training.evaluation.metrics import SHOWN_BY
from training.evaluation.prediction import predict
from training.evaluation.predictions import Scored, same_rows, scored
from training.evaluation.segments import OVERALL
from training.progress import say
from training.runs.config import RunConfig
from training.runs.reading import comparable_predictions, load_config, load_run
from training.runs.validation import load_validation
from training.tracking.champion import Champion, champion_of
from training.tracking.client import tracking
from warehouse.catalog import Catalog

Tests = dict[str, AucDifference | None]
_EVERYWHERE = "overall"
_FEWEST = 10  # rows of each class: the interval of a handful may have no width at all


@dataclass(frozen=True)
class Decision:
    """Whether the challenger should take the champion's place, why, and the tests of its lead by segment."""

    promote: bool
    reason: str
    tests: Tests = field(default_factory=dict)


def challenge(arguments: Namespace) -> dict[str, Any]:
    """Whether the run with the highest AUC should take the champion's place, by paired DeLong tests, and why.

    It should where the interval of its lead lies above 0 overall, and below 0 in no scene and at no cold-start level,
    or where there is no champion. The champion is judged anew on the challenger's rows. Raises TrainingError.
    """
    folders = [Path(folder).resolve() for folder in arguments.artifacts]
    configs = [load_config(folder) for folder in folders]
    tables = comparable_predictions(folders)
    best = _best(tables)
    folder, config = folders[best], configs[best]
    champion = champion_of(arguments.tracking_uri, config.dataset)
    if champion is None:
        decision = Decision(True, "there is no champion yet")
    elif champion.is_of(folder):
        decision = Decision(False, "it is the champion")
    else:
        decision = _judge(arguments, champion, folder, config, tables[best])
    becomes = "should become" if decision.promote else "does not become"
    say(f"{folder.name} {becomes} the champion: {decision.reason}")
    return {
        "challenger": str(folder),
        "champion": asdict(champion) if champion else None,
        "promote": decision.promote,
        "reason": decision.reason,
        "tests": {name: test and asdict(test) for name, test in decision.tests.items()},
    }


def _best(tables: Sequence[pa.Table]) -> int:
    areas = [auc(table["logit"].to_numpy(), table["label"].to_numpy()) or 0.0 for table in tables]
    return int(np.argmax(areas))


def _judge(
    arguments: Namespace, champion: Champion, folder: Path, config: RunConfig, predictions: pa.Table
) -> Decision:
    """By the tests of the challenger's lead over the champion, whose files MLflow has."""
    dates = config.window.val
    catalog = Catalog(arguments.warehouse or config.warehouse, config.dataset)
    if not same_rows(read_keys(catalog, dates), predictions):
        raise TrainingError(f"the training table of {', '.join(dates)} has changed since {folder.name}: train again")
    with tempfile.TemporaryDirectory() as copy:
        with tracking(arguments.tracking_uri) as client:
            champions_folder = Path(client.download_artifacts(champion.run_id, "", copy))
        try:
            run = load_run(champions_folder)
        except TrainingError as error:
            raise TrainingError(
                f"the champion, version {champion.version} ({champion.run}), cannot be loaded from MLflow's run "
                f"{champion.run_id}: {error}; promote another run, or move the alias"
            ) from error
        last_seen = run.config.window.train[-1]
        if dates[0] <= last_seen:  # it knows these rows, or what came after them
            return Decision(False, f"the champion has seen rows up to {last_seen}, and is judged by later ones alone")
        logits = predict(run.model, load_validation(run, catalog, dates, cached_in=folder.parent)).numpy()
    return verdict(lead_by_segment(predictions, logits))


def lead_by_segment(predictions: pa.Table, champion: np.ndarray) -> Tests:
    """How far the predictions' AUC lies above that of the champion's logits [n], overall and by segment.

    None where a segment has too few rows of a class to be tested.
    """
    rows = scored(predictions)
    named = [(_EVERYWHERE, OVERALL)]
    named += [(f"{kind.removesuffix('_level')} {name}", s) for kind, shown in SHOWN_BY.items() for name, s in shown]
    return {name: _lead(champion, rows, segment.mask(rows)) for name, segment in named}


def _lead(champion: np.ndarray, rows: Scored, chosen: np.ndarray) -> AucDifference | None:
    label = rows.label[chosen]
    clicked = int(label.sum())
    if min(clicked, len(label) - clicked) < _FEWEST:
        return None
    return auc_difference(champion[chosen], rows.logit[chosen], label)


def verdict(tests: Tests) -> Decision:
    """Whether the challenger should be promoted, and why or why not."""
    lead = tests[_EVERYWHERE]
    if lead is None or lead.low <= 0:
        return Decision(False, f"its lead is not above 0 for certain, {_figures(lead)}", tests)
    worse = [f"{name} {_figures(test)}" for name, test in tests.items() if test and test.high < 0]
    if worse:
        return Decision(False, f"it is significantly worse on {'; '.join(worse)}", tests)
    return Decision(True, f"it is better by {_figures(lead)}, and nowhere significantly worse", tests)


def _figures(test: AucDifference | None) -> str:
    return f"{test.difference:+.4f} AUC ({test.low:+.4f} to {test.high:+.4f})" if test else "too few rows to say"
