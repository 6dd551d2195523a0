"""Compute impression, click and CTR features of users or items from daily counts and an earlier day's features."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.arguments import dates_of, stage_parser
from spark_jobs.common.partitions import check_conserved, in_one_task, write_staged
from spark_jobs.common.run_stage import run_stage
from spark_jobs.common.stage import Stage
from warehouse.calendar_days import days, days_before
from warehouse.manifest import Input, Manifest
from warehouse.tables import LOGS, SCENES, WINDOW_DAYS, Table, scene_counters


@dataclass(frozen=True)
class Entity:
    """Users or items: their key column, the prefix of their features, their tables and their stage."""

    key: str
    prefix: str
    daily: Table
    features: Table
    stage: str


@dataclass(frozen=True)
class Sources:
    """The partitions that the features of one date are computed from.

    snapshot: the date of earlier features to continue from, or None. daily: the dates of the daily counts to add.
    """

    as_of: str
    snapshot: str | None
    daily: list[str]
    inputs: list[Input]
    history_start: str | None


def daily_counts(logs: DataFrame, key: str) -> DataFrame:
    """Count the impressions and clicks of one date by user or item (`key`) and scene. One row per user or item."""
    impressions = [f"count_if(scene = {s}) AS imp_s{s}" for s in SCENES]
    clicks = [f"count_if(scene = {s} AND label = 1) AS clk_s{s}" for s in SCENES]
    return logs.groupBy(key).agg(*map(F.expr, (*impressions, *clicks)))


def find_sources(stage: Stage, entity: Entity, as_of: str) -> Sources:
    """Find the latest fresh features before `as_of`, and the daily counts since then and of the last seven days.

    Raises StageError if a date with logs has no daily counts.
    """
    known = [date for date in stage.freshness.known_dates() if date <= as_of]
    earlier = [date for date in stage.freshness.dates(entity.features) if date < as_of]
    snapshot = next((d for d in reversed(earlier) if stage.freshness.verdict(entity.features, d).fresh), None)
    window_start = days_before(as_of, WINDOW_DAYS - 1)
    begin = known[0] if snapshot is None else min(window_start, days_before(snapshot, -1))
    daily = [date for date in known if date >= begin]
    inputs = [stage.require(entity.daily, date, written_by=entity.stage) for date in daily]
    # A date without logs counts as zero, until its logs arrive and make the features stale.
    absent = [date for date in days(max(begin, known[0]), as_of) if date not in daily]
    inputs += [Input(LOGS.folder, date, None) for date in absent]
    if snapshot is not None:
        inputs.append(stage.input(entity.features, snapshot))
    return Sources(as_of, snapshot, daily, inputs, history_start=known[0] if snapshot is None else None)


def features(stage: Stage, entity: Entity, sources: Sources) -> DataFrame:
    """Return every user or item seen so far, with its counts of the day, of the last seven days and of all days."""
    counters = scene_counters()
    daily = stage.read(entity.daily, *sources.daily).selectExpr(
        entity.key,
        *counters,
        f"date = '{sources.as_of}' AS of_day",
        f"date >= '{days_before(sources.as_of, WINDOW_DAYS - 1)}' AS of_window",
        f"date > '{sources.snapshot or ''}' AS since_snapshot",
    )
    counts, rows = daily, stage.rows(entity.daily, *sources.daily)
    if sources.snapshot is not None:
        earlier = stage.read(entity.features, sources.snapshot).selectExpr(
            entity.key,
            *(f"{entity.prefix}{counter} AS {counter}" for counter in counters),
            "false AS of_day",
            "false AS of_window",
            "true AS since_snapshot",
        )
        counts, rows = earlier.unionAll(daily), rows + stage.rows(entity.features, sources.snapshot)
    return summed(in_one_task(counts, rows), entity)


def summed(counts: DataFrame, entity: Entity) -> DataFrame:
    """Add up counts by user or item. One row for each, with the columns of the features table."""
    spans = {"day": "of_day", "7d": "of_window", "cum": "since_snapshot"}
    totals = {kind: total(kind) for kind in ("imp", "clk")}
    values = {f"{kind}_{span}": (flag, sql) for span, flag in spans.items() for kind, sql in totals.items()}
    values |= {name: ("since_snapshot", name) for name in scene_counters()}
    sums = [f"sum(if({flag}, {sql}, 0)) AS {entity.prefix}{name}" for name, (flag, sql) in values.items()]
    rates = {f"{entity.prefix}ctr_{span}": click_rate(entity.prefix, span) for span in ("7d", "cum")}
    by_entity = counts.groupBy(entity.key).agg(*map(F.expr, sums))
    return by_entity.selectExpr(*(f"{rates.get(name, name)} AS {name}" for name in entity.features.column_names))


def total(kind: str, prefix: str = "") -> str:
    """Return SQL that adds up the counts of all scenes. kind: imp or clk."""
    return " + ".join(f"{prefix}{kind}_s{scene}" for scene in SCENES)


def click_rate(prefix: str, span: str) -> str:
    """Return SQL for the click rate over a span (7d or cum), which is 0.0 without impressions."""
    return f"coalesce(try_divide({prefix}clk_{span}, {prefix}imp_{span}), 0.0D)"


def publish_daily(stage: Stage, date: str, entity: Entity) -> list[Manifest]:
    """Publish the daily counts of one date."""
    source = stage.require(LOGS, date, written_by="csv_to_orc")
    impressions = stage.rows(LOGS, date)
    with stage.staged(entity.daily, date) as staged:
        counts = daily_counts(in_one_task(stage.read(LOGS, date), impressions), entity.key)
        content, counted = write_staged(counts, staged, {"impressions": f"sum({total('imp')})"})
        check_conserved(staged, counted["impressions"], impressions)
        return [stage.publish(staged, content, [source])]


def publish_features(stage: Stage, date: str, entity: Entity) -> list[Manifest]:
    """Publish the features of one date. Its daily counts must have been published before."""
    sources = find_sources(stage, entity, date)
    with stage.staged(entity.features, date) as staged:
        impressions = {"impressions": f"sum({entity.prefix}imp_day)"}
        content, counted = write_staged(features(stage, entity, sources), staged, impressions)
        check_conserved(staged, counted["impressions"], stage.rows(LOGS, date))
        return [stage.publish(staged, content, sources.inputs, sources.history_start)]


def entity_stage(description: str | None, entity: Entity, argv: Sequence[str] | None) -> None:
    """Run the command line of the stage user_features or item_features."""
    parser = stage_parser(description)
    arguments = parser.parse_args(argv)
    dates = dates_of(parser, arguments)
    daily, in_order = (functools.partial(publish, entity=entity) for publish in (publish_daily, publish_features))
    run_stage(entity.stage, arguments, dates, daily, in_order)
