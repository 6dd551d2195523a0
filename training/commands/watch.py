"""The watch command: compare the champion's scores of a date with its clicks, and publish how good they were."""

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import logit

from training.data.numeric_features import FEATURE_NAMES
from training.data.row_encoder import RowEncoder, load_rows
from training.data.rows import HOUR, SCENE, Rows
from training.data.training_table import count_rows, read_keys
from training.errors import TrainingError
from training.evaluation.prediction import predict
from training.evaluation.prediction_table import predictions_table, same_rows, scored
from training.progress import say
from training.runs.stored_run import Run, load_predictions
from training.runs.validation_rows import load_validation
from training.tracking.champion_history import Reign, reigns_of, standing_before
from training.tracking.champion_model import champion_run
from training.tracking.run_tags import CONFIG_TAG, RUN_TAG
from training.watching.figures import WhenChosen, watch_figures
from training.watching.given_scores import given_scores
from training.watching.history import judged_on
from training.watching.table import write_watch
from training.window import dates_asked, in_ranges, require_unchanged, tables_of
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.manifest import Input
from warehouse.publish import StagedPartition
from warehouse.tables import SCORES, TRAIN, WATCH, Table

_FEATURES = (*FEATURE_NAMES, "scene", "hour")
_IN_SUMMARY = ("rows", "clicks", "auc", "auc_low", "auc_high", "chosen_auc", "run", "version", "as_of")
_NEAREST_TO_CERTAIN = 1e-15  # so that every probability has a finite logit


@dataclass(frozen=True)
class Watched:
    """Which champion is compared with the clicks of a date. reign: None if there was none.

    scores: the table of scores as it was found. given: whether these scores are used; the champion scores impressions
    without them. how: sentences about the choice.
    """

    date: str
    reign: Reign | None
    scores: Input
    given: bool
    how: tuple[str, ...]


@dataclass(frozen=True)
class Watcher:
    """A champion, loaded, and how good it was when it was chosen. inputs: the tables of its validation days."""

    reign: Reign
    run: Run
    chosen: WhenChosen
    inputs: list[Input]
    cached_in: Path


def watch(arguments: Namespace, catalog: Catalog) -> dict[str, Any]:
    """Publish the watch of each date. Raises TrainingError; dates that are published by then stay so.

    A date before the first champion, or without impressions, is left out, and the result says so. So is a date of a
    range with a table that is missing or stale; such a date alone is refused.
    """
    dates = dates_asked(arguments.date, arguments.start_date, arguments.end_date)
    freshness = Freshness(catalog)
    unusable = _unusable(freshness, dates, TRAIN)
    if arguments.date and unusable:
        raise TrainingError(unusable[arguments.date])
    usable = [date for date in dates if date not in unusable]
    for date in usable:
        catalog.require_whole(TRAIN, date)
    impressions = [catalog.input(TRAIN, date) for date in usable]
    reigns, zone = reigns_of(arguments.tracking_uri, catalog.dataset), catalog.raw_mapping().time_zone
    published: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = [{"date": date, "why": why} for date, why in unusable.items()]
    watcher = None
    for source in impressions:
        watched = _watched(catalog, freshness, source.date, reigns, zone)
        if watched.reign is None:
            skipped.append({"date": source.date, "why": watched.how[0]})
        elif not count_rows(catalog, source.date):
            skipped.append({"date": source.date, "why": f"{source.date} has no impressions"})
        else:
            if watcher is None or watcher.reign != watched.reign:
                watcher = _watcher(arguments, catalog, freshness, watched.reign)
            others = tables_of(watcher.run.config.model)[1:]
            if lacking := _unusable(freshness, [source.date], *others):
                if arguments.date:
                    raise TrainingError(lacking[source.date])
                skipped += [{"date": date, "why": why} for date, why in lacking.items()]
            else:
                sources = [source, *(catalog.input(table, source.date) for table in others)]
                published.append(_publish(watcher, watched, catalog, sources))
    verdicts = {line["date"]: line for line in judged_on(catalog, [entry["date"] for entry in published])}
    for entry in published:
        entry |= {name: verdicts[entry["date"]][name] for name in ("evidence", "warned_on", "says")}
    skipped.sort(key=lambda entry: entry["date"])
    for entry in sorted([*published, *skipped], key=lambda entry: entry["date"]):
        say(f"{entry['date']}: {entry['says']}" if "says" in entry else f"{entry['date']} is left out: {entry['why']}")
    return {"published": published, "skipped": skipped}


def _unusable(freshness: Freshness, dates: Sequence[str], *tables: Table) -> dict[str, str]:
    """Say for each date with a table that is missing or stale what is wrong and what to do."""
    return {
        date: f"clicks cannot be compared with scores ({problem}): run "
        + freshness.verdict(table, date).to_run(f"the stages for {date}")
        for date in dates
        for table in tables
        for problem in freshness.problems([(table, date)])
    }


def _watched(catalog: Catalog, freshness: Freshness, date: str, reigns: Sequence[Reign], zone: tzinfo) -> Watched:
    """Choose which scores are compared with the clicks.

    These are the scores of the date's candidates if a champion gave them, or else those that the champion before the
    date would have given.
    """
    scores = catalog.input(SCORES, date)
    standing, how = standing_before(date, reigns, zone)
    manifest = freshness.manifest(SCORES, date)
    if manifest is None:
        return Watched(date, standing, scores, False, tuple(filter(None, [how])))
    gave = manifest.scored_by or {}
    by = next((r for r in reigns if {RUN_TAG: r.champion.run, CONFIG_TAG: r.champion.config} == gave), None)
    verdict = freshness.verdict(SCORES, date)
    if by is None:
        why = f"they were given by {gave.get(RUN_TAG, 'an unknown run')}, which never was the champion"
    elif by.as_of >= date:
        why = f"they were given by version {by.champion.version}, which knew rows of {by.as_of}"
    elif not verdict.fresh:
        why = f"they are {verdict.state}: {verdict.reason}"
    else:
        catalog.require_whole(SCORES, date)
        return Watched(date, by, scores, True, ())
    return Watched(
        date, standing, scores, False, (*filter(None, [how]), f"the scores of candidates are not used: {why}")
    )


def _watcher(arguments: Namespace, catalog: Catalog, freshness: Freshness, reign: Reign) -> Watcher:
    with champion_run(arguments.tracking_uri, reign.champion, arguments.text_encoder) as run:
        predictions = load_predictions(run.folder)
    features, inputs = _features_when_chosen(catalog, freshness, run, predictions)
    chosen = WhenChosen.of(scored(predictions), features, _FEATURES)
    return Watcher(reign, run, chosen, inputs, Path(arguments.artifacts))


def _features_when_chosen(
    catalog: Catalog, freshness: Freshness, run: Run, predictions: pa.Table
) -> tuple[np.ndarray | None, list[Input]]:
    """Return the features of the champion's validation rows, [m, F], and the tables they are from.

    None if these rows are no longer published.
    """
    dates = run.config.window.val
    if all(freshness.verdict(TRAIN, date).fresh for date in dates) and same_rows(
        read_keys(catalog, dates), predictions
    ):
        inputs = [catalog.input(TRAIN, date) for date in dates]
        return _features(load_rows(catalog, dates, RowEncoder(run.space))), inputs
    say(
        f"the training table of {in_ranges(dates)} is not the one that the champion was chosen on: no drift of features"
    )
    return None, []


def _features(rows: Rows) -> np.ndarray:
    parts = rows.numeric.numpy(), rows.categorical[:, [SCENE, HOUR]].numpy()
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _publish(watcher: Watcher, watched: Watched, catalog: Catalog, sources: list[Input]) -> dict[str, Any]:
    started, champion, config = time.monotonic(), watcher.reign.champion, watcher.run.config
    keys = read_keys(catalog, [watched.date])
    given = given_scores(catalog, watched.date, keys) if watched.given else np.full(len(keys), np.nan)
    known = np.isfinite(given)
    rows, logits = _scored_rows(watcher, watched.date, catalog, given)
    predictions = predictions_table(keys, logits, watcher.run.space, config.few_max)
    what = "candidates" if known.all() else "impressions"
    by = {"run": champion.run, "version": champion.version, "as_of": watcher.reign.as_of, "scored": what}
    lines = [line | by for line in watch_figures(scored(predictions), _features(rows), watcher.chosen)]
    looked_for = [watched.scores] if watched.given or watched.scores.version is None else []
    with StagedPartition(catalog, WATCH, watched.date) as staged:
        content = write_watch(lines, staged, catalog.storage)
        require_unchanged(catalog, [*sources, *looked_for])
        inputs = [*sources, *watcher.inputs, *looked_for]
        scored_by = {RUN_TAG: champion.run, CONFIG_TAG: champion.config}
        published = staged.publish(content, inputs, scored_by=scored_by)
    how = [*watched.how, f"{int(known.sum()):,} of {len(keys):,} impressions had been scored as candidates"]
    say(f"{watched.date}: {'; '.join(how)}")
    overall = {name: lines[0][name] for name in _IN_SUMMARY}
    seconds = round(time.monotonic() - started, 3)
    return {"date": watched.date, **overall, "how": how, "partition": published.version, "seconds": seconds}


def _scored_rows(watcher: Watcher, date: str, catalog: Catalog, given: np.ndarray) -> tuple[Rows, np.ndarray]:
    """Return the date's impressions and their logits, [n]. given: their probabilities, NaN for those without one.

    The champion scores the impressions without one now. All impressions count, because the best candidates, or those of
    one scene, are not comparable to the rows that the champion was chosen on.
    """
    logits = logit(np.clip(given, _NEAREST_TO_CERTAIN, 1 - _NEAREST_TO_CERTAIN))
    if np.isfinite(given).all():
        return load_rows(catalog, [date], RowEncoder(watcher.run.space)), logits
    model, rows = load_validation(watcher.run, catalog, [date], watcher.cached_in)
    return rows, np.where(np.isfinite(given), logits, predict(model, rows).numpy())
