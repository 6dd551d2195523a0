"""Join the candidates of a date with the features known before it begins. Logs of that date are not needed.

Models that attend to histories also need the sequences of users before the date, which nothing else has published yet.
"""

import functools
from collections.abc import Sequence

from pyspark.sql import DataFrame

from spark_jobs import csv_to_orc, user_sequences
from spark_jobs.common.arguments import dates_of, stage_parser
from spark_jobs.common.errors import StageError
from spark_jobs.common.intake import TO_SCORE
from spark_jobs.common.partitions import in_one_task
from spark_jobs.common.run_stage import run_stage
from spark_jobs.common.stage import Stage
from spark_jobs.training_table import publish_joined, with_features
from spark_jobs.user_item_features import history_before
from warehouse.calendar_days import days_before
from warehouse.manifest import Manifest
from warehouse.pair_tiles import HORIZON
from warehouse.tables import CANDIDATE_FEATURES, FEATURES_UI, FEATURES_USER, RAW, SEQUENCES_USER, VALID_CANDIDATES


def by_user(rows: DataFrame, count: int) -> DataFrame:
    """Put the rows of a user and scene next to each other in one file, so that they can be ranked as they are read.

    count: the number of rows.
    """
    together = in_one_task(rows, count)
    if together is rows:
        together = rows.repartition("user_id")
    return together.sortWithinPartitions("scene", "user_id")


def publish_valid(stage: Stage, date: str, max_reject_rate: float) -> list[Manifest]:
    """Publish the valid and the rejected candidates of one date."""
    require_history(stage, date)
    return csv_to_orc.publish_date(stage, date, max_reject_rate, TO_SCORE)


def publish_features(stage: Stage, date: str) -> list[Manifest]:
    """Publish the features of one date's valid candidates, and the sequences before the date if they are not there."""
    candidates, count = stage.read(VALID_CANDIDATES, date), stage.rows(VALID_CANDIDATES, date)
    pairs = history_before(stage, date, candidates, count, pair_horizon(stage, date))
    rows, inputs, since = with_features(stage, date, VALID_CANDIDATES, CANDIDATE_FEATURES, pairs)
    arranged = by_user(rows, count), inputs, since
    joined = publish_joined(stage, date, VALID_CANDIDATES, CANDIDATE_FEATURES, arranged, {})
    there = stage.freshness.verdict(SEQUENCES_USER, date).fresh
    return [joined, *([] if there else user_sequences.publish_date(stage, date))]


def require_history(stage: Stage, date: str) -> None:
    """Raise StageError if the logs of the day before have not arrived: they may be late, or the day may have none."""
    before, known = days_before(date, 1), stage.freshness.known_dates()
    if not known:
        raise StageError(f"there are no logs: put raw logs into {stage.catalog.uri(RAW, before)} and run the stages")
    if before > known[-1]:
        stage.require(FEATURES_USER, before, written_by="csv_to_orc and the feature stages")


def pair_horizon(stage: Stage, date: str) -> int | None:
    """Return how many days of history the newest pair features count, None for all. Candidates count as many."""
    earlier = [day for day in stage.freshness.dates(FEATURES_UI) if day < date]
    newest = stage.freshness.manifest(FEATURES_UI, earlier[-1]) if earlier else None
    return newest.parameters.get(HORIZON) if newest else None


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = stage_parser(__doc__)
    csv_to_orc.add_max_reject_rate(parser)
    arguments = parser.parse_args(argv)
    run_stage(
        TO_SCORE.stage,
        arguments,
        dates_of(parser, arguments),
        functools.partial(publish_valid, max_reject_rate=arguments.max_reject_rate),
        publish_features,
        check_date=functools.partial(csv_to_orc.check_date, intake=TO_SCORE),
        raw=TO_SCORE.raw,
    )


if __name__ == "__main__":
    main()
