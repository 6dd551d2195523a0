"""Measure the cost of features, sequences and pair history on day 120 of a fixed population, with that of tiles."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.figure import Figure, at_most
from benchmarks.logs import DATASET, write_logs
from benchmarks.resources import tree_cpu_seconds
from benchmarks.stages import WarmStages, warm_stages
from sample_logs.settings import Settings
from spark_jobs.common.partitions import in_one_task
from spark_jobs.common.session import spark_session
from spark_jobs.common.stage import Stage
from spark_jobs.user_item_features import daily_pairs, pair_history, summed_pairs
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.tables import (
    DAILY_ITEM,
    DAILY_UI,
    DAILY_USER,
    FEATURES_ITEM,
    FEATURES_UI,
    FEATURES_USER,
    LOGS,
    REJECTS,
    SEQUENCES_USER,
)

_EARLY, _LATE = 7, 120  # days, counted from 1
_PAIR_DAYS = 8
_REPEATS = 5
_MOST_TIMES_EARLY = 1.3
_MOST_TIMES_FULL = 0.6
# The stages whose cost may not grow, by what their figure is called.
_STEADY: dict[str, tuple[str, ...]] = {
    "user and item features": ("user_features", "item_features"),
    "sequences of users": ("user_sequences",),
}
# With this start date, the largest tile that is made on days 113 to 120 spans 32 days. Compaction then costs as much as
# it does in eight days on average, with tiles of 8, 16, 32 and 64 days.
_LOGS = Settings(
    rows=_LATE * 30_000,
    days=_LATE,
    users=20_000,
    items=20_000,
    founding_users=1.0,
    founding_items=1.0,
    start_date="2023-07-28",
)


@dataclass(frozen=True)
class History:
    """A warehouse of 120 days, one that ends on day 7, and the stages to run on both."""

    late: Catalog
    early: Catalog
    stages: WarmStages


def measure(folder: Path) -> list[Figure]:
    """Measure all figures in one warm session. 30,000 rows per date; 20,000 users and 20,000 items from day 1 on."""
    late = write_logs(folder / "late", _LOGS)
    with warm_stages(folder / "stages.log") as stages:
        first, last = _LOGS.dates[0], _LOGS.dates[-1]
        for stage in ("csv_to_orc", *chain.from_iterable(_STEADY.values())):
            stages.run(stage, late, first, last)
        early = _first_days(folder / "late", folder / "early")
        history = History(late, early, stages)
        steady = [_late_against_early(history, name, named) for name, named in _STEADY.items()]
        return [*steady, _tiles_against_full(history, folder / "full")]


def _late_against_early(history: History, name: str, of_stages: tuple[str, ...]) -> Figure:
    """Return the cost of some stages on day 120 divided by that on day 7, medians of alternating runs."""
    runs: dict[int, list[float]] = {_EARLY: [], _LATE: []}
    for _ in range(_REPEATS):
        for day, catalog in ((_EARLY, history.early), (_LATE, history.late)):
            date = _LOGS.dates[day - 1]
            runs[day].append(sum(history.stages.run(stage, catalog, date, date) for stage in of_stages))
    seconds = {day: median(repeats) for day, repeats in runs.items()}
    return at_most(
        f"{name} of day {_LATE} against day {_EARLY}, CPU",
        seconds[_LATE] / seconds[_EARLY],
        _MOST_TIMES_EARLY,
        f"x day {_EARLY}",
        {f"day_{day}_seconds": value for day, value in seconds.items()},
    )


def _tiles_against_full(history: History, folder: Path) -> Figure:
    """The cost of user_item_features on days 113 to 120 divided by that of recomputing the same results in full.

    Sums of CPU seconds. Both count the day's pairs and write the counts for later days. The stage then compacts and
    reads tiles, and the recomputation reads the counts of every earlier day. It has the stage's own semi-join.
    Without that, it would add up all pairs before it selects those of the day, which costs several times as much (see
    the details). Raises RuntimeError if the results differ.
    """
    dates, stages, late = _LOGS.dates, history.stages, history.late
    stages.run("user_item_features", late, dates[0], dates[-_PAIR_DAYS - 1])
    measured = dates[-_PAIR_DAYS:]
    by_tiles = sum(stages.run("user_item_features", late, date, date) for date in measured)
    in_full = {
        method.__name__: sum(_full_recomputation(late, date, method, folder / method.__name__) for date in measured)
        for method in (pair_history, history_without_semi_join)
    }
    semi_joined, plain = in_full.values()
    return at_most(
        f"pair history of days {_LATE - _PAIR_DAYS + 1} to {_LATE} by tiles, CPU",
        by_tiles / semi_joined,
        _MOST_TIMES_FULL,
        "x full recomputation",
        {
            "tiles_seconds_a_day": by_tiles / _PAIR_DAYS,
            "full_seconds_a_day": semi_joined / _PAIR_DAYS,
            "full_without_semi_join_seconds_a_day": plain / _PAIR_DAYS,
        },
    )


def _full_recomputation(
    catalog: Catalog, date: str, method: Callable[[DataFrame, DataFrame, int], DataFrame], folder: Path
) -> float:
    """CPU seconds of one day's pair counts and of its pair history from the counts of all earlier days."""
    before = tree_cpu_seconds()
    with spark_session("benchmarks") as spark:
        stage = Stage(spark, catalog, Freshness(catalog))
        daily, target = f"{folder}/daily/date={date}", f"{folder}/history/date={date}"
        daily_pairs(stage.read(LOGS, date)).write.orc(daily)
        earlier = stage.read(DAILY_UI, *(day for day in _LOGS.dates if day < date))
        method(spark.read.schema(DAILY_UI.ddl).orc(daily), earlier, _LOGS.rows).write.orc(target)
        seconds = tree_cpu_seconds() - before
        published = stage.read(FEATURES_UI, date).drop("date")
        if not spark.read.orc(target).exceptAll(published).isEmpty():
            raise RuntimeError(f"tiles and full recomputation differ on {date}")
    return seconds


def history_without_semi_join(pairs: DataFrame, history: DataFrame, rows: int) -> DataFrame:
    """Compute what `pair_history` does, but add up the counts of every pair."""
    pair = ["user_id", "item_id"]
    joined = pairs.select(*pair).join(summed_pairs(in_one_task(history, rows)), on=pair, how="left")
    counts = (F.coalesce(name, F.lit(0).cast("bigint")).alias(f"ui_{name}_hist") for name in ("imp", "clk"))
    return joined.select(*pair, *counts)


def _first_days(late: Path, early: Path) -> Catalog:
    """The warehouse as it was when day 7 had been published, so that later dates do not affect the day's cost."""
    for table in (LOGS, REJECTS, DAILY_USER, FEATURES_USER, DAILY_ITEM, FEATURES_ITEM, SEQUENCES_USER):
        for date in _LOGS.dates[:_EARLY]:
            partition = f"{table.name(DATASET)}/date={date}"
            shutil.copytree(late / partition, early / partition)
    return Catalog(early.as_uri(), DATASET)
