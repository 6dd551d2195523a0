"""The predict command: score and rank the candidates of dates with a run, and publish the scores."""

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from training.data.streaming import ahead
from training.data.training_table import count_rows, read_in_pieces
from training.errors import TrainingError
from training.evaluation.prediction import predict as predict_logits
from training.evaluation.score_ranks import ranked, whole_users
from training.evaluation.scores_table import write_scores
from training.progress import say
from training.runs.stored_run import Run, load_run
from training.runs.validation_rows import ready_to_score
from training.tracking.champion import ALIAS, Champion, champion_of, require_champion
from training.tracking.champion_history import THEN, reigns_of, standing_before
from training.tracking.champion_model import load_champion
from training.tracking.run_tags import CONFIG_TAG, RUN_TAG, identity, run_folders
from training.window import dates_asked, in_ranges, require_unchanged
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.manifest import Input
from warehouse.publish import StagedPartition
from warehouse.tables import CANDIDATE_FEATURES, SCORES


@dataclass(frozen=True)
class ScoringRun:
    """The run that scores. name: that of its folder. config: the hash of its configuration.

    cached_in: the artifacts folder with the cache of embeddings. champion: set if a champion was asked for.
    """

    run: Run
    name: str
    config: str
    cached_in: Path
    champion: Champion | None = None


def predict(arguments: Namespace, catalog: Catalog) -> dict[str, Any]:
    """Publish the scores of each date's candidates. Raises TrainingError; dates that are published by then stay so."""
    dates = dates_asked(arguments.date, arguments.start_date, arguments.end_date)
    inputs = _require_candidates(catalog, dates)
    if arguments.model == THEN:
        return _by_champions_then(arguments, catalog, inputs)
    scorer = _champion(arguments, catalog) if arguments.model == ALIAS else _named(arguments, catalog)
    last_seen = scorer.run.config.window.train[-1]
    if dates[0] <= last_seen:
        say(f"{scorer.name} was trained on rows up to {last_seen}: its scores of {dates[0]} do not show how good it is")
    published = [_publish(scorer, catalog, source, arguments.top) for source in inputs]
    moved = scorer.champion and _moved(arguments.tracking_uri, catalog.dataset, scorer.champion)
    if moved:
        say(f"the champion is now version {moved.version} ({moved.run}): run predict again to score with it")
    return _summary(published, moved)


def _by_champions_then(arguments: Namespace, catalog: Catalog, inputs: Sequence[Input]) -> dict[str, Any]:
    """Score each date with the run that was the champion when the date began."""
    champions = _champions_then(arguments.tracking_uri, catalog, [source.date for source in inputs])
    scorer, published = None, []
    for champion, source in zip(champions, inputs, strict=True):
        if scorer is None or scorer.champion != champion:
            scorer = _scoring(arguments, champion)
        published.append(_publish(scorer, catalog, source, arguments.top))
    return _summary(published)


def _champions_then(uri: str, catalog: Catalog, dates: Sequence[str]) -> list[Champion]:
    """Return the champion of each date, and say how it was found. Raises TrainingError if a date has none."""
    reigns, zone = reigns_of(uri, catalog.dataset), catalog.raw_mapping().time_zone
    found = {date: standing_before(date, reigns, zone) for date in dates}
    if none := [how for reign, how in found.values() if reign is None]:
        raise TrainingError(f"{none[0]}; give later dates, or the folder of a run as --model")
    for _, how in found.values():
        if how:
            say(how)
    return [reign.champion for reign, _ in found.values() if reign]


def _summary(published: list[dict[str, Any]], moved: Champion | None = None) -> dict[str, Any]:
    """Describe what was published. The run and its version are those of the last date."""
    last = published[-1]
    return {
        "run": last["run"],
        "version": last["champion"],
        "champion_now": moved.version if moved else None,
        "published": published,
    }


def _require_candidates(catalog: Catalog, dates: list[str]) -> list[Input]:
    """Return the dates' candidates as inputs. Raises TrainingError, which names what is missing or stale."""
    freshness = Freshness(catalog)
    wanted = [(CANDIDATE_FEATURES, date) for date in dates]
    if problems := freshness.problems(wanted):
        refused = [date for table, date in wanted if not freshness.verdict(table, date).fresh]
        raise TrainingError(
            f"candidates cannot be scored ({'; '.join(problems)}): run score_candidates for {in_ranges(refused)}"
        )
    for date in dates:
        catalog.require_whole(CANDIDATE_FEATURES, date)
    return [catalog.input(CANDIDATE_FEATURES, date) for date in dates]


def _champion(arguments: Namespace, catalog: Catalog) -> ScoringRun:
    return _scoring(arguments, require_champion(arguments.tracking_uri, catalog.dataset))


def _scoring(arguments: Namespace, champion: Champion) -> ScoringRun:
    run = load_champion(arguments.tracking_uri, champion, arguments.text_encoder)
    say(f"scoring with the champion, version {champion.version} ({champion.run})")
    return ScoringRun(run, champion.run, champion.config, Path(arguments.artifacts), champion)


def _named(arguments: Namespace, catalog: Catalog) -> ScoringRun:
    (folder,) = run_folders([arguments.model])
    run = load_run(folder, arguments.text_encoder)
    if run.config.dataset != catalog.dataset:
        raise TrainingError(
            f"{folder} was trained on dataset {run.config.dataset}, and cannot score dataset {catalog.dataset}: give "
            "another run, or another --dataset"
        )
    return ScoringRun(run, folder.name, identity(folder)[CONFIG_TAG], folder.parent)


def _moved(uri: str, dataset: str, before: Champion) -> Champion | None:
    """Return the current champion if it is not the same as before."""
    now = champion_of(uri, dataset)
    return now if now and now.version != before.version else None


def _publish(scorer: ScoringRun, catalog: Catalog, source: Input, top: int | None) -> dict[str, Any]:
    started, rows = time.monotonic(), count_rows(catalog, source.date, CANDIDATE_FEATURES)
    with StagedPartition(catalog, SCORES, source.date) as staged:
        pieces = whole_users(scored_pieces(scorer, catalog, source.date))
        content = write_scores((ranked(piece, top) for piece in pieces), staged, catalog.storage)
        require_unchanged(catalog, [source])
        scored_by = {RUN_TAG: scorer.name, CONFIG_TAG: scorer.config}
        published = staged.publish(content, [source], parameters={"top": top} if top else None, scored_by=scored_by)
    seconds = time.monotonic() - started
    say(f"{catalog.uri(SCORES, source.date)}: {rows:,} candidates scored, {content.rows:,} kept, in {seconds:.1f} s")
    return {
        "date": source.date,
        "rows": content.rows,
        "version": published.version,
        "seconds": round(seconds, 3),
        "run": scorer.name,
        "champion": scorer.champion.version if scorer.champion else None,
    }


def scored_pieces(scorer: ScoringRun, catalog: Catalog, date: str) -> Iterator[pa.Table]:
    """Yield the date's candidates with their click probabilities, piece by piece, in the order of the files."""
    model, encoder = ready_to_score(scorer.run, catalog, [date], scorer.cached_in, CANDIDATE_FEATURES)
    tables = ahead(read_in_pieces(catalog, [date], encoder.columns, CANDIDATE_FEATURES))
    for table, rows in ahead((table, encoder.encode(table)) for table in tables):
        logits = predict_logits(model, rows).numpy()
        yield pa.table(
            {
                **{name: table[name].cast(pa.string()) for name in ("user_id", "item_id")},
                **{name: table[name] for name in ("log_ts", "scene")},
                "probability": expit(logits.astype(np.float64)),
                "run": pa.repeat(scorer.name, len(table)),
            }
        )
