"""Impression, click and CTR features of users or of items, from daily counters and the snapshot before."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.arguments import dates_of, stage_parser
from spark_jobs.common.partitions import check_conserved, read_dates, write_staged
from spark_jobs.common.stage import Stage, run_stage
from warehouse.calendar_days import days, days_before
from warehouse.manifest import Input, Manifest
from warehouse.publish import StagedPartition
from warehouse.tables import LOGS, SCENES, WINDOW_DAYS, Table, scene_counters


@dataclass(frozen=True)
class Entity:
    """What features are counted for: its key column, the prefix of its features, its tables and its stage."""

    key: str
    prefix: str
    daily: Table
    features: Table
    stage: str


@dataclass(frozen=True)
class Sources:
    """What the features as of a date are computed from: a snapshot, if there is one, and daily counters."""

    as_of: str
    snapshot: str | None
    daily: list[str]
    inputs: list[Input]
    history_start: str | None


def daily_counts(logs: DataFrame, key: str) -> DataFrame:
    """Impressions and clicks of one date per entity and scene. One row an entity that was shown."""
    shown = [F.count_if(F.col("scene") == s).alias(f"imp_s{s}") for s in SCENES]
    clicked = [F.count_if((F.col("scene") == s) & (F.col("label") == 1)).alias(f"clk_s{s}") for s in SCENES]
    return logs.groupBy(key).agg(*shown, *clicked)


def find_sources(stage: Stage, entity: Entity, as_of: str) -> Sources:
    """The nearest fresh snapshot before `as_of`, the daily counters since, and those of the last seven days.

    Raises StageError where a date that has logs lacks its daily counters.
    """
    known = [date for date in stage.freshness.known_dates() if date <= as_of]
    earlier = [date for date in stage.freshness.dates(entity.features) if date < as_of]
    snapshot = next((d for d in reversed(earlier) if stage.freshness.verdict(entity.features, d).fresh), None)
    window_start = days_before(as_of, WINDOW_DAYS - 1)
    begin = known[0] if snapshot is None else min(window_start, days_before(snapshot, -1))
    daily = [date for date in known if date >= begin]
    inputs = [stage.require(entity.daily, date, written_by=entity.stage) for date in daily]
    # A date without logs counts as zero until logs of it arrive.
    absent = [date for date in days(max(begin, known[0]), as_of) if date not in daily]
    inputs += [Input(LOGS.folder, date, None) for date in absent]
    if snapshot is not None:
        inputs.append(stage.recorded(entity.features, snapshot))
    return Sources(as_of, snapshot, daily, inputs, history_start=known[0] if snapshot is None else None)


def features(stage: Stage, entity: Entity, sources: Sources) -> DataFrame:
    """Every entity seen on or before the date, with its counts of the day, of seven calendar days, and of all days."""
    counters = scene_counters()
    date = F.col("date")
    daily = read_dates(stage.spark, stage.catalog, entity.daily, sources.daily).select(
        entity.key,
        *counters,
        (date == sources.as_of).alias("of_day"),
        (date >= days_before(sources.as_of, WINDOW_DAYS - 1)).alias("of_window"),
        (date > (sources.snapshot or "")).alias("since_snapshot"),
    )
    contributions = daily
    if sources.snapshot is not None:
        before = read_dates(stage.spark, stage.catalog, entity.features, [sources.snapshot]).select(
            entity.key,
            *(F.col(f"{entity.prefix}{counter}").alias(counter) for counter in counters),
            F.lit(False).alias("of_day"),
            F.lit(False).alias("of_window"),
            F.lit(True).alias("since_snapshot"),
        )
        contributions = before.unionAll(daily)
    return summed(contributions, entity).select(*entity.features.column_names)


def summed(contributions: DataFrame, entity: Entity) -> DataFrame:
    """Adds up contributions by entity. One row an entity, the columns of the entity's features table."""

    def total(kind: str) -> Column:
        return sum((F.col(f"{kind}_s{s}") for s in SCENES[1:]), F.col(f"{kind}_s{SCENES[0]}"))

    def where(flag: str, value: Column) -> Column:
        return F.sum(F.when(F.col(flag), value).otherwise(F.lit(0)))

    spans = {"day": "of_day", "7d": "of_window", "cum": "since_snapshot"}
    by_span = [
        where(flag, total(kind)).alias(f"{entity.prefix}{kind}_{span}")
        for span, flag in spans.items()
        for kind in ("imp", "clk")
    ]
    by_scene = [where("since_snapshot", F.col(name)).alias(f"{entity.prefix}{name}") for name in scene_counters()]
    sums = contributions.groupBy(entity.key).agg(*by_span, *by_scene)
    return sums.select("*", *(click_rate(entity.prefix, span) for span in ("7d", "cum")))


def click_rate(prefix: str, span: str) -> Column:
    """Clicks over impressions of a span; 0.0 where there was no impression."""
    clicks, impressions = F.col(f"{prefix}clk_{span}"), F.col(f"{prefix}imp_{span}")
    return F.coalesce(F.try_divide(clicks, impressions), F.lit(0.0)).alias(f"{prefix}ctr_{span}")


def publish_date(stage: Stage, date: str, entity: Entity) -> list[Manifest]:
    """Publishes the daily counters and the features of one date."""
    logs_input = stage.require(LOGS, date, written_by="csv_to_orc")
    impressions = stage.rows(LOGS, date)
    with StagedPartition(stage.catalog, entity.daily, date) as staged:
        counts = daily_counts(read_dates(stage.spark, stage.catalog, LOGS, [date]), entity.key)
        shown = F.sum(sum((F.col(f"imp_s{s}") for s in SCENES[1:]), F.col(f"imp_s{SCENES[0]}")))
        content, counted = write_staged(counts, staged, {"impressions": shown})
        check_conserved(staged, counted["impressions"], impressions)
        daily = stage.publish(staged, content, [logs_input])
    sources = find_sources(stage, entity, date)
    with StagedPartition(stage.catalog, entity.features, date) as staged:
        shown = F.sum(f"{entity.prefix}imp_day")
        content, counted = write_staged(features(stage, entity, sources), staged, {"impressions": shown})
        check_conserved(staged, counted["impressions"], impressions)
        return [daily, stage.publish(staged, content, sources.inputs, sources.history_start)]


def entity_stage(description: str | None, entity: Entity, argv: Sequence[str] | None) -> None:
    """The command line of one entity's stage."""
    parser = stage_parser(description)
    arguments = parser.parse_args(argv)
    dates = dates_of(parser, arguments)
    run_stage(entity.stage, arguments, dates, lambda stage, date: publish_date(stage, date, entity))
