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
from training.window import dates_asked, in_ranges, require_unchanged, tables_of
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.manifest import Input
from warehouse.publish import StagedPartition
from warehouse.tables import CANDIDATE_FEATURES, SCORES, Table


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
    _require_candidates(catalog, dates, CANDIDATE_FEATURES)
    if arguments.model == THEN:
        return _by_champions_then(arguments, catalog, dates)
    scorer = _champion(arguments, catalog) if arguments.model == ALIAS else _named(arguments, catalog)
    inputs = _inputs(scorer, catalog, dates)
    last_seen = scorer.run.config.window.train[-1]
    if dates[0] <= last_seen:
        say(f"{scorer.name} was trained on rows up to {last_seen}: its scores of {dates[0]} do not show how good it is")
    published = [_publish(scorer, catalog, date, inputs[date], arguments.top) for date in dates]
    moved = scorer.champion and _moved(arguments.tracking_uri, catalog.dataset, scorer.champion)
    if moved:
        say(f"the champion is now version {moved.version} ({moved.run}): run predict again to score with it")
    return _summary(published, moved)


def _by_champions_then(arguments: Namespace, catalog: Catalog, dates: list[str]) -> dict[str, Any]:
    """Score each date with the run that was the champion when the date began."""
    champions = _champions_then(arguments.tracking_uri, catalog, dates)
    scorer, published = None, []
    for champion, date in zip(champions, dates, strict=True):
        if scorer is None or scorer.champion != champion:
            scorer = _scoring(arguments, champion)
        inputs = _inputs(scorer, catalog, [date])
        published.append(_publish(scorer, catalog, date, inputs[date], arguments.top))
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


def _require_candidates(catalog: Catalog, dates: list[str], *tables: Table) -> None:
    """Raise TrainingError, which names what is missing or stale, unless candidates can be scored from the tables."""
    freshness = Freshness(catalog)
    wanted = [(table, date) for date in dates for table in tables]
    if problems := freshness.problems(wanted):
        refused = sorted({date for table, date in wanted if not freshness.verdict(table, date).fresh})
        score = f"score_candidates for {in_ranges(refused)}"
        to_run = {freshness.verdict(table, date).to_run(score) for table, date in wanted} - {score}
        raise TrainingError(
            f"candidates cannot be scored ({'; '.join(problems)}): run {', and then '.join([*to_run, score])}"
        )
    for table, date in wanted:
        catalog.require_whole(table, date)


def _inputs(scorer: ScoringRun, catalog: Catalog, dates: list[str]) -> dict[str, list[Input]]:
    """Return what the run reads to score each date's candidates. Raises TrainingError if it is missing or stale."""
    tables = tables_of(scorer.run.config.model, CANDIDATE_FEATURES)
    _require_candidates(catalog, dates, *tables[1:])
    return {date: [catalog.input(table, date) for table in tables] for date in dates}


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


def _publish(scorer: ScoringRun, catalog: Catalog, date: str, inputs: list[Input], top: int | None) -> dict[str, Any]:
    started, rows = time.monotonic(), count_rows(catalog, date, CANDIDATE_FEATURES)
    with StagedPartition(catalog, SCORES, date) as staged:
        pieces = whole_users(scored_pieces(scorer, catalog, date))
        content = write_scores((ranked(piece, top) for piece in pieces), staged, catalog.storage)
        require_unchanged(catalog, inputs)
        scored_by = {RUN_TAG: scorer.name, CONFIG_TAG: scorer.config}
        published = staged.publish(content, inputs, parameters={"top": top} if top else None, scored_by=scored_by)
    seconds = time.monotonic() - started
    say(f"{catalog.uri(SCORES, date)}: {rows:,} candidates scored, {content.rows:,} kept, in {seconds:.1f} s")
    return {
        "date": date,
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
    for table, rows in ahead((table, encoder.encode(table, date)) for table in tables):
        logits = predict_logits(model, rows).numpy()
        yield pa.table(
            {
                **{name: table[name].cast(pa.string()) for name in ("user_id", "item_id")},
                **{name: table[name] for name in ("log_ts", "scene")},
                "probability": expit(logits.astype(np.float64)),
                "run": pa.repeat(scorer.name, len(table)),
            }
        )
