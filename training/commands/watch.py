"""The watch command: compare the champion's scores of a date with its clicks, and publish how good they were."""

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
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
from training.evaluation.given_scores import given_scores
from training.evaluation.prediction import predict
from training.evaluation.prediction_table import predictions_table, same_rows, scored
from training.evaluation.watch_figures import WhenChosen, watch_figures
from training.evaluation.watch_history import judged, overall_lines
from training.evaluation.watch_table import write_watch
from training.progress import say
from training.runs.stored_run import Run, load_predictions
from training.runs.validation_rows import load_validation
from training.tracking.champion_history import Reign, reigns_of, standing_before
from training.tracking.champion_model import champion_run
from training.tracking.run_tags import CONFIG_TAG, RUN_TAG
from training.window import dates_asked, in_ranges, require_unchanged
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.manifest import Input
from warehouse.publish import StagedPartition
from warehouse.tables import SCORES, TRAIN, WATCH

_FEATURES = (*FEATURE_NAMES, "scene", "hour")
_IN_SUMMARY = ("rows", "clicks", "auc", "auc_low", "auc_high", "chosen_auc", "run", "version", "as_of")
_NEAREST_TO_CERTAIN = 1e-15  # so that every probability has a finite logit


@dataclass(frozen=True)
class Watched:
    """Which champion is compared with the clicks of a date. reign: None if there was none.

    scores: the table of scores as it was found. given: whether these scores are used; else the champion scores the
    impressions. how: sentences about the choice.
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

    A date before the first champion, or without impressions, is left out, and the result says so.
    """
    dates = dates_asked(arguments.date, arguments.start_date, arguments.end_date)
    freshness = Freshness(catalog)
    impressions = _require_impressions(catalog, freshness, dates)
    reigns = reigns_of(arguments.tracking_uri, catalog.dataset)
    published: list[dict[str, Any]] = []
    skipped, watcher = [], None
    for source in impressions:
        watched = _watched(catalog, freshness, source.date, reigns)
        if watched.reign is None:
            skipped.append({"date": source.date, "why": watched.how[0]})
        elif not count_rows(catalog, source.date):
            skipped.append({"date": source.date, "why": f"{source.date} has no impressions"})
        else:
            if watcher is None or watcher.reign != watched.reign:
                watcher = _watcher(arguments, catalog, freshness, watched.reign)
            published.append(_publish(watcher, watched, catalog, source))
    for entry in skipped:
        say(f"{entry['date']} is not watched: {entry['why']}")
    verdicts = {line["date"]: line for line in judged(overall_lines(catalog))}
    for entry in published:
        entry |= {name: verdicts[entry["date"]][name] for name in ("evidence", "warned_on", "says")}
        say(f"{entry['date']}: {entry['says']}")
    return {"published": published, "skipped": skipped}


def _require_impressions(catalog: Catalog, freshness: Freshness, dates: Sequence[str]) -> list[Input]:
    """Return the dates' training tables as inputs. Raises TrainingError, which names what is missing or stale."""
    refused = [date for date in dates if not freshness.verdict(TRAIN, date).fresh]
    if refused:
        problems = "; ".join(freshness.problems((TRAIN, date) for date in refused))
        raise TrainingError(
            f"clicks cannot be held against scores ({problems}): run the stages for {in_ranges(refused)}"
        )
    for date in dates:
        catalog.require_whole(TRAIN, date)
    return [catalog.input(TRAIN, date) for date in dates]


def _watched(catalog: Catalog, freshness: Freshness, date: str, reigns: Sequence[Reign]) -> Watched:
    """Choose which scores are compared with the clicks.

    These are the scores of the date's candidates if a champion gave them, or else those that the champion before the
    date would have given.
    """
    scores = catalog.input(SCORES, date)
    standing, how = standing_before(date, reigns)
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
    return np.concatenate([rows.numeric.numpy(), rows.categorical[:, [SCENE, HOUR]].numpy()], axis=1)


def _publish(watcher: Watcher, watched: Watched, catalog: Catalog, source: Input) -> dict[str, Any]:
    started, champion, config = time.monotonic(), watcher.reign.champion, watcher.run.config
    keys = read_keys(catalog, [source.date])
    rows, logits, what = _scored_rows(watcher, watched, catalog, keys)
    kept = np.isfinite(logits)
    predictions = predictions_table(keys, rows, logits, watcher.run.space, config.few_max).filter(pa.array(kept))
    by = {"run": champion.run, "version": champion.version, "as_of": watcher.reign.as_of, "scored": what}
    lines = [line | by for line in watch_figures(scored(predictions), _features(rows)[kept], watcher.chosen)]
    looked_for = [watched.scores] if watched.given or watched.scores.version is None else []
    with StagedPartition(catalog, WATCH, source.date) as staged:
        content = write_watch(lines, staged, catalog.storage)
        for entry in (source, *looked_for):
            require_unchanged(catalog, [entry])
        inputs, scored_by = [source, *watcher.inputs, *looked_for], {RUN_TAG: champion.run, CONFIG_TAG: champion.config}
        published = staged.publish(content, inputs, scored_by=scored_by)
    how = [*watched.how, f"{int(kept.sum()):,} of {len(kept):,} impressions, scored as {what}"]
    say(f"{source.date}: {'; '.join(how)}")
    overall = {name: lines[0][name] for name in _IN_SUMMARY}
    seconds = round(time.monotonic() - started, 3)
    return {"date": source.date, **overall, "how": how, "partition": published.version, "seconds": seconds}


def _scored_rows(watcher: Watcher, watched: Watched, catalog: Catalog, keys: pa.Table) -> tuple[Rows, np.ndarray, str]:
    """Return the date's impressions, their logits [n] with NaN for those without a score, and what was scored."""
    if watched.given:
        given = given_scores(catalog, watched.date, keys)
        if np.isfinite(given).any():
            rows = load_rows(catalog, [watched.date], RowEncoder(watcher.run.space))
            return rows, logit(np.clip(given, _NEAREST_TO_CERTAIN, 1 - _NEAREST_TO_CERTAIN)), "candidates"
        say(f"no impression of {watched.date} had been scored as a candidate, so the champion scores them now")
    model, rows = load_validation(watcher.run, catalog, [watched.date], watcher.cached_in)
    return rows, predict(model, rows).numpy(), "impressions"
