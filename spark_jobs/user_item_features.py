"""History of user-item pairs: exact lifetime counts before the date, for the pairs of the date."""

import functools
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.arguments import dates_of, stage_parser, whole_number
from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import check_conserved, in_one_task, write_staged
from spark_jobs.common.stage import Stage, run_stage
from warehouse.calendar_days import days, days_before
from warehouse.manifest import Input, Manifest
from warehouse.pair_tiles import Cover, cover, tile_days
from warehouse.publish import StagedPartition
from warehouse.tables import DAILY_UI, FEATURES_UI, LOGS, TILES_UI

_PAIR = ["user_id", "item_id"]
_STAGE = "user_item_features"


def daily_pairs(logs: DataFrame) -> DataFrame:
    """Impressions and clicks of one date per pair. One row a pair that was shown."""
    return logs.groupBy(*_PAIR).agg(F.expr("count(1) AS imp"), F.expr("sum(CAST(label AS bigint)) AS clk"))


def summed_pairs(pairs: DataFrame) -> DataFrame:
    """Adds up impressions and clicks by pair."""
    return pairs.groupBy(*_PAIR).agg(F.expr("sum(imp) AS imp"), F.expr("sum(clk) AS clk"))


def pair_history(pairs: DataFrame, history: DataFrame, rows: int) -> DataFrame:
    """The pairs, each once, with the sums of their rows in `history` (0 where there are none). rows: of both."""
    of_pairs = history.join(pairs.select(*_PAIR), on=_PAIR, how="left_semi").select(*_PAIR, "imp", "clk")
    none_yet = pairs.selectExpr(*_PAIR, "0L AS imp", "0L AS clk")
    sums = summed_pairs(in_one_task(none_yet.unionAll(of_pairs), rows))
    return sums.selectExpr(*_PAIR, "imp AS ui_imp_hist", "clk AS ui_clk_hist")


def find_cover(stage: Stage, first: str, last: str) -> Cover:
    """Tiles and daily counts that hold the days from first to last; only fresh tiles are taken."""
    known = set(stage.freshness.known_dates())
    return cover(
        first,
        last,
        has_tile=lambda day: stage.freshness.verdict(TILES_UI, day).fresh,
        has_logs=known.__contains__,
    )


def inputs_of(stage: Stage, covered: Cover) -> list[Input]:
    """What a cover reads. Raises StageError where a date that has logs lacks its daily counts."""
    return [
        *(stage.recorded(TILES_UI, day) for day in covered.tiles),
        *(stage.require(DAILY_UI, day, written_by=_STAGE) for day in covered.daily),
        *(Input(LOGS.folder, day, None) for day in covered.absent),
    ]


def read_cover(stage: Stage, covered: Cover) -> tuple[DataFrame, int]:
    """The pair counts of a cover, several rows a pair, and how many rows these are."""
    pairs = stage.read(TILES_UI, *covered.tiles).unionByName(stage.read(DAILY_UI, *covered.daily))
    return pairs, stage.rows(TILES_UI, *covered.tiles) + stage.rows(DAILY_UI, *covered.daily)


def publish_daily(stage: Stage, date: str) -> list[Manifest]:
    """Publishes the day's own pair counts."""
    logs = stage.require(LOGS, date, written_by="csv_to_orc")
    impressions = stage.rows(LOGS, date)
    with StagedPartition(stage.catalog, DAILY_UI, date) as staged:
        pairs = daily_pairs(in_one_task(stage.read(LOGS, date), impressions))
        content, counted = write_staged(pairs, staged, {"impressions": "sum(imp)"})
        check_conserved(staged, counted["impressions"], impressions)
        return [stage.publish(staged, content, [logs])]


def publish_tile(stage: Stage, date: str) -> Manifest:
    """Publishes the sums of the days that the date's tile spans."""
    beginning, first = stage.freshness.known_dates()[0], days_before(date, tile_days(date) - 1)
    earlier = find_cover(stage, max(first, beginning), days_before(date, 1))
    covered = Cover(earlier.tiles, [date, *earlier.daily], earlier.absent)
    inputs = inputs_of(stage, covered)
    with StagedPartition(stage.catalog, TILES_UI, date) as staged:
        pairs = summed_pairs(in_one_task(*read_cover(stage, covered)))
        content, counted = write_staged(pairs, staged, {"impressions": "sum(imp)"})
        spanned = stage.rows(LOGS, *days(max(first, beginning), date))
        check_conserved(staged, counted["impressions"], spanned)
        return stage.publish(staged, content, inputs, beginning if first < beginning else None)


def publish_history(stage: Stage, date: str, horizon: int | None) -> list[Manifest]:
    """Publishes the day's tile where it spans several days, and the history of the day's pairs."""
    published = [publish_tile(stage, date)] if tile_days(date) > 1 else []
    beginning = stage.freshness.known_dates()[0]
    first = beginning if horizon is None else days_before(date, horizon)
    covered = find_cover(stage, max(first, beginning), days_before(date, 1))
    inputs = [stage.recorded(DAILY_UI, date), *inputs_of(stage, covered)]
    shown = stage.rows(DAILY_UI, date)
    with StagedPartition(stage.catalog, FEATURES_UI, date) as staged:
        history, rows = read_cover(stage, covered)
        pairs = pair_history(stage.read(DAILY_UI, date), history, rows + shown)
        content, _ = write_staged(pairs, staged)
        if content.rows != shown:
            raise StageError(f"{content.rows} pairs have a history, of {shown} shown; nothing is published")
        parameters = {} if horizon is None else {"ui_horizon_days": horizon}
        published.append(stage.publish(staged, content, inputs, beginning if first <= beginning else None, parameters))
    return published


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--ui-horizon-days", type=whole_number, help="count only so many days before (all days)")
    arguments = parser.parse_args(argv)
    in_order = functools.partial(publish_history, horizon=arguments.ui_horizon_days)
    run_stage(_STAGE, arguments, dates_of(parser, arguments), publish_daily, in_order)


if __name__ == "__main__":
    main()
