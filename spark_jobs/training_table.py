"""Build a date's training table: every impression once, with the features that were known before the date began."""

import functools
from collections.abc import Sequence

from pyspark.sql import DataFrame

from spark_jobs.common.arguments import dates_of, stage_parser, whole_number
from spark_jobs.common.entity_features import Entity, features, find_sources
from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import check_scene_folders, write_staged
from spark_jobs.common.run_stage import run_stage
from spark_jobs.common.stage import Stage
from spark_jobs.item_features import ITEM
from spark_jobs.user_features import USER
from warehouse.calendar_days import days_before
from warehouse.manifest import Input, Manifest
from warehouse.publish import StagedPartition
from warehouse.tables import FEATURES_UI, LOGS, SCENES, TRAIN, Table

Features = tuple[DataFrame, list[Input], str | None]  # with the inputs to record, and the start of the history


def training_rows(
    logs: DataFrame, users: DataFrame, items: DataFrame, pairs: DataFrame, table: Table = TRAIN
) -> DataFrame:
    """Join each row of the logs with the features of its user, its item and its user-item pair, or 0 if it has none.

    table: whose columns to return. Candidates are joined in the same way as logs.
    """
    # Most pairs have no history and would join as 0 anyway: without them the join is small.
    with_history = pairs.where("ui_imp_hist > 0")
    joined = (
        logs.join(users.drop("date"), on=USER.key, how="left")
        .join(items.drop("date"), on=ITEM.key, how="left")
        .join(with_history.drop("date"), on=[USER.key, ITEM.key], how="left")
    )
    from_logs = set(LOGS.column_names)
    return joined.selectExpr(
        *(name if name in from_logs else f"coalesce({name}, 0) AS {name}" for name in table.column_names)
    )


def features_as_of(stage: Stage, entity: Entity, date: str) -> Features:
    """Return the features of users or items at the end of `date`, the inputs to record, and the start of the history.

    If there are no logs for `date`, there is no partition either, and the features are computed here. The start of the
    history is the first date with logs, or None if the manifests of the inputs record it already.
    """
    known = stage.freshness.known_dates()
    if date in known:
        source = stage.require(entity.features, date, written_by=entity.stage)
        return stage.read(entity.features, date), [source], None
    if date < known[0]:
        return stage.read(entity.features), [], known[0]
    sources = find_sources(stage, entity, date)
    return features(stage, entity, sources), sources.inputs, sources.history_start


def publish_date(stage: Stage, date: str, lag_days: int) -> list[Manifest]:
    """Publish the training table of one date."""
    stage.require(LOGS, date, written_by="csv_to_orc")
    pairs_input = stage.require(FEATURES_UI, date, written_by="user_item_features")
    rows = with_features(stage, date, LOGS, TRAIN, (stage.read(FEATURES_UI, date), [pairs_input], None), lag_days)
    return [publish_joined(stage, date, LOGS, TRAIN, rows, {"feature_lag_days": lag_days})]


def with_features(stage: Stage, date: str, source: Table, table: Table, pairs: Features, lag_days: int = 1) -> Features:
    """Join the date's rows of `source` with `pairs` and with the features of users and items `lag_days` earlier."""
    as_of = days_before(date, lag_days)
    users, user_inputs, users_since = features_as_of(stage, USER, as_of)
    items, item_inputs, items_since = features_as_of(stage, ITEM, as_of)
    pair_rows, pair_inputs, pairs_since = pairs
    rows = training_rows(stage.read(source, date), users, items, pair_rows, table)
    inputs = [stage.input(source, date), *pair_inputs, *user_inputs, *item_inputs]
    return rows, inputs, users_since or items_since or pairs_since


def publish_joined(
    stage: Stage, date: str, source: Table, table: Table, rows: Features, parameters: dict[str, int]
) -> Manifest:
    """Publish what `with_features` returned. Raises StageError unless it has each row of `source` exactly once."""
    frame, inputs, since = rows
    with stage.staged(table, date) as staged:
        by_scene = {str(s): f"count_if(scene = {s})" for s in SCENES}
        content, counted = write_staged(frame, staged, by_scene)
        check_complete(staged, content.rows, stage.rows(source, date), counted)
        return stage.publish(staged, content, inputs, since, parameters)


def check_complete(staged: StagedPartition, rows: int, expected: int, by_scene: dict[str, int]) -> None:
    """Raise StageError if the joins lost or duplicated rows, or if the folder of a scene with rows is missing."""
    if rows != expected:
        raise StageError(
            f"{staged.table.folder} of {staged.date} would have {rows} rows for {expected} rows that came in; nothing "
            "is published: run the feature stages again"
        )
    check_scene_folders(staged, {int(scene): n for scene, n in by_scene.items()})


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = stage_parser(__doc__)
    parser.add_argument(
        "--feature-lag-days",
        type=whole_number,
        default=1,
        help="join the features of this many days earlier (%(default)s); 0 leaks labels: for the leakage audit only",
    )
    arguments = parser.parse_args(argv)
    publish = functools.partial(publish_date, lag_days=arguments.feature_lag_days)
    run_stage("training_table", arguments, dates_of(parser, arguments), publish)


if __name__ == "__main__":
    main()
