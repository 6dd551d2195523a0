"""The challenge command: test the best of several runs against the champion on the same validation rows."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from training.data.training_table import read_keys
from training.errors import TrainingError
from training.evaluation.auc import auc
from training.evaluation.champion_rule import Decision, decide, lead_by_segment, logloss_difference
from training.evaluation.prediction import predict
from training.evaluation.prediction_table import same_rows
from training.progress import say
from training.runs.config import RunConfig
from training.runs.stored_run import comparable_predictions, load_config
from training.runs.validation_rows import load_validation
from training.tracking.champion import Champion, champion_of
from training.tracking.champion_model import load_champion
from training.tracking.run_tags import run_folders
from warehouse.catalog import Catalog


def challenge(arguments: Namespace) -> dict[str, Any]:
    """Decide whether the run with the highest AUC should become the champion, and say why.

    If there is no champion, it should. Otherwise the champion predicts the same validation rows, and the rule in
    evaluation/champion_rule.py decides. Raises TrainingError.
    """
    folders = run_folders(arguments.artifacts)
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
        decision = _against(champion, arguments, folder, config, tables[best])
    becomes = "should become" if decision.promote else "does not become"
    say(f"{folder.name} {becomes} the champion: {decision.reason}")
    return {
        "challenger": str(folder),
        "champion": asdict(champion) if champion else None,
        "promote": decision.promote,
        "reason": decision.reason,
        "tests": {name: test and asdict(test) for name, test in decision.tests.items()},
        "logloss": asdict(decision.logloss) if decision.logloss else None,
    }


def _best(tables: Sequence[pa.Table]) -> int:
    areas = [auc(table["logit"].to_numpy(), table["label"].to_numpy()) or 0.0 for table in tables]
    return int(np.argmax(areas))


def _against(
    champion: Champion, arguments: Namespace, folder: Path, config: RunConfig, predictions: pa.Table
) -> Decision:
    """Load the champion from MLflow, let it predict the challenger's validation rows, and compare the predictions."""
    dates = config.window.val
    catalog = Catalog(arguments.warehouse or config.warehouse, config.dataset)
    catalog.require_scenes()
    if not same_rows(read_keys(catalog, dates), predictions):
        raise TrainingError(
            f"the training table of {', '.join(dates)} has changed since {folder.name} was trained: train again"
        )
    run = load_champion(arguments.tracking_uri, champion, arguments.text_encoder)
    last_seen = run.config.window.train[-1]
    if dates[0] <= last_seen:
        return Decision(False, f"the champion was trained on rows up to {last_seen}, and only later rows can test it")
    logits = predict(*load_validation(run, catalog, dates, cached_in=folder.parent)).numpy()
    return decide(lead_by_segment(predictions, logits), logloss_difference(predictions, logits))
