"""For each user-item pair of a date, count its impressions and clicks on all days before."""

import functools
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.arguments import dates_of, stage_parser, whole_number
from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import check_conserved, in_one_task, write_staged
from spark_jobs.common.run_stage import run_stage
from spark_jobs.common.stage import Stage
from warehouse.calendar_days import days, days_before
from warehouse.manifest import Input, Manifest
from warehouse.pair_tiles import HORIZON, Cover, fresh_cover, tile_days
from warehouse.tables import DAILY_UI, FEATURES_UI, LOGS, TILES_UI

_PAIR = ["user_id", "item_id"]
_STAGE = "user_item_features"


def daily_pairs(logs: DataFrame) -> DataFrame:
    """Count the impressions and clicks of one date by user-item pair. One row per pair in the logs."""
    return logs.groupBy(*_PAIR).agg(F.expr("count(1) AS imp"), F.expr("sum(CAST(label AS bigint)) AS clk"))


def summed_pairs(pairs: DataFrame) -> DataFrame:
    """Add up impressions and clicks by pair."""
    return pairs.groupBy(*_PAIR).agg(F.expr("sum(imp) AS imp"), F.expr("sum(clk) AS clk"))


def pair_history(pairs: DataFrame, history: DataFrame, rows: int) -> DataFrame:
    """Return each pair once, with its total counts in `history`, or 0. rows: the number of rows in both frames."""
    own_history = history.join(pairs.select(*_PAIR), on=_PAIR, how="left_semi").select(*_PAIR, "imp", "clk")
    zeros = pairs.selectExpr(*_PAIR, "0L AS imp", "0L AS clk")
    sums = summed_pairs(in_one_task(zeros.unionAll(own_history), rows))
    return sums.selectExpr(*_PAIR, "imp AS ui_imp_hist", "clk AS ui_clk_hist")


def history_before(
    stage: Stage, date: str, pairs: DataFrame, rows: int, horizon: int | None
) -> tuple[DataFrame, list[Input], str | None]:
    """Return the history of these pairs before the date, the inputs to record, and the start of the history.

    rows: the number of rows in `pairs`. horizon: days to count, None for all. The start is None if it is not the first
    date with logs.
    """
    beginning = stage.freshness.known_dates()[0]
    first = beginning if horizon is None else days_before(date, horizon)
    covered = fresh_cover(stage.freshness, max(first, beginning), days_before(date, 1))
    inputs = inputs_of(stage, covered)
    history, history_rows = read_cover(stage, covered)
    return pair_history(pairs, history, rows + history_rows), inputs, beginning if first <= beginning else None


def inputs_of(stage: Stage, covered: Cover) -> list[Input]:
    """Return the partitions of a cover as inputs for a manifest. Raises StageError if daily counts are missing."""
    return [
        *(stage.input(TILES_UI, day) for day in covered.tiles),
        *(stage.require(DAILY_UI, day, written_by=_STAGE) for day in covered.daily),
        *(Input(LOGS.folder, day, None) for day in covered.absent),
    ]


def read_cover(stage: Stage, covered: Cover) -> tuple[DataFrame, int]:
    """Read the pair counts of a cover. Returns them, with possibly several rows per pair, and the number of rows."""
    pairs = stage.read(TILES_UI, *covered.tiles).unionByName(stage.read(DAILY_UI, *covered.daily))
    return pairs, stage.rows(TILES_UI, *covered.tiles) + stage.rows(DAILY_UI, *covered.daily)


def publish_daily(stage: Stage, date: str) -> list[Manifest]:
    """Publish the pair counts of one date."""
    logs = stage.require(LOGS, date, written_by="csv_to_orc")
    impressions = stage.rows(LOGS, date)
    with stage.staged(DAILY_UI, date) as staged:
        pairs = daily_pairs(in_one_task(stage.read(LOGS, date), impressions))
        content, counted = write_staged(pairs, staged, {"impressions": "sum(imp)"})
        check_conserved(staged, counted["impressions"], impressions)
        return [stage.publish(staged, content, [logs])]


def publish_tile(stage: Stage, date: str) -> Manifest:
    """Publish the tile that ends on the date: the pair counts of several days, added up."""
    beginning, first = stage.freshness.known_dates()[0], days_before(date, tile_days(date) - 1)
    earlier = fresh_cover(stage.freshness, max(first, beginning), days_before(date, 1))
    covered = Cover(earlier.tiles, [date, *earlier.daily], earlier.absent)
    inputs = inputs_of(stage, covered)
    with stage.staged(TILES_UI, date) as staged:
        pairs = summed_pairs(in_one_task(*read_cover(stage, covered)))
        content, counted = write_staged(pairs, staged, {"impressions": "sum(imp)"})
        spanned = stage.rows(LOGS, *days(max(first, beginning), date))
        check_conserved(staged, counted["impressions"], spanned)
        return stage.publish(staged, content, inputs, beginning if first < beginning else None)


def publish_history(stage: Stage, date: str, horizon: int | None) -> list[Manifest]:
    """Publish the date's tile, if it has one, and the history of its pairs. horizon: days to count, None for all."""
    published = [publish_tile(stage, date)] if tile_days(date) > 1 else []
    source, pairs_shown = stage.input(DAILY_UI, date), stage.rows(DAILY_UI, date)
    pairs, inputs, since = history_before(stage, date, stage.read(DAILY_UI, date), pairs_shown, horizon)
    with stage.staged(FEATURES_UI, date) as staged:
        content, _ = write_staged(pairs, staged)
        if content.rows != pairs_shown:
            raise StageError(
                f"{content.rows} rows were written for {pairs_shown} pairs of {date}; nothing is published: "
                "run the stage again"
            )
        parameters = {} if horizon is None else {HORIZON: horizon}
        published.append(stage.publish(staged, content, [source, *inputs], since, parameters))
    return published


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = stage_parser(__doc__)
    parser.add_argument(
        "--ui-horizon-days", type=whole_number, help="count only this many days before the date (default: all)"
    )
    arguments = parser.parse_args(argv)
    in_order = functools.partial(publish_history, horizon=arguments.ui_horizon_days)
    run_stage(_STAGE, arguments, dates_of(parser, arguments), publish_daily, in_order)


if __name__ == "__main__":
    main()
