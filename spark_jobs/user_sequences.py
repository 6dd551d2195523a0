"""Sequences of users: for each user, their last impressions before the date, oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.arguments import dates_of, stage_parser
from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import in_one_task, write_staged
from spark_jobs.common.run_stage import run_stage
from spark_jobs.common.stage import Stage
from warehouse.calendar_days import days, days_before
from warehouse.manifest import Input, Manifest
from warehouse.tables import LOGS, SEQUENCE_LENGTH, SEQUENCES_USER

_STAGE = "user_sequences"
# An impression is a row of the logs. Its parts in this order also order the impressions of a user: by time, and those
# of the same moment by scene, item and label, so that which ones are the last does not depend on the order of rows.
_IMPRESSION = "struct(log_ts, scene, item_id, label)"
_LISTS = {"item_ids": "i.item_id", "scenes": "i.scene", "clicked": "i.label", "days": "CAST(i.log_ts AS date)"}


@dataclass(frozen=True)
class Sources:
    """What the sequences before a date are computed from: an earlier snapshot, if there is one, and the logs since."""

    snapshot: str | None
    logs: list[str]
    inputs: list[Input]
    history_start: str | None


def last_impressions(logs: DataFrame) -> DataFrame:
    """Return the last impressions of each user in the logs."""
    newest_first = f"max_by({_IMPRESSION}, {_IMPRESSION}, {SEQUENCE_LENGTH})"
    by_user = logs.groupBy("user_id").agg(F.expr(f"reverse({newest_first}) AS impressions"))
    lists = (f"transform(impressions, i -> {part}) AS {name}" for name, part in _LISTS.items())
    return by_user.selectExpr("user_id", *lists)


def continued(earlier: DataFrame, recent: DataFrame) -> DataFrame:
    """Append each user's recent impressions to their earlier ones, and return the last of both."""
    after = recent.selectExpr("user_id", *(f"{name} AS recent_{name}" for name in _LISTS))
    # By hash, as a sort would move every sequence. The recent side is the smaller one.
    joined = earlier.join(after.hint("shuffle_hash"), on="user_id", how="full_outer")
    types = dict(SEQUENCES_USER.columns)
    both = {
        name: ", ".join(f"coalesce({side}{name}, CAST(array() AS {types[name]}))" for side in ("", "recent_"))
        for name in _LISTS
    }
    whole = joined.selectExpr("user_id", *(f"concat({lists}) AS {name}" for name, lists in both.items()))
    first = f"greatest(size(item_ids) - {SEQUENCE_LENGTH}, 0) + 1"
    return whole.selectExpr("user_id", *(f"slice({name}, {first}, {SEQUENCE_LENGTH}) AS {name}" for name in _LISTS))


def find_sources(stage: Stage, date: str) -> Sources:
    """Find the nearest fresh snapshot before `date`, and the logs of the days that it does not hold.

    Raises StageError if a date with raw logs has no logs.
    """
    known = [day for day in stage.freshness.known_dates() if day < date]
    earlier = [day for day in stage.freshness.dates(SEQUENCES_USER) if day < date]
    snapshot = next((day for day in reversed(earlier) if stage.freshness.verdict(SEQUENCES_USER, day).fresh), None)
    beginning = known[0] if known else date
    first = beginning if snapshot is None else snapshot
    with_logs = [day for day in known if day >= first]
    inputs = [stage.require(LOGS, day, written_by="csv_to_orc") for day in with_logs]
    inputs += [Input(LOGS.folder, day, None) for day in days(first, days_before(date, 1)) if day not in with_logs]
    if snapshot is not None:
        inputs.append(stage.input(SEQUENCES_USER, snapshot))
    return Sources(snapshot, with_logs, inputs, history_start=beginning if snapshot is None else None)


def sequences(stage: Stage, sources: Sources) -> DataFrame:
    """Return each user seen before the date, with their last impressions."""
    rows = stage.rows(LOGS, *sources.logs)
    if sources.snapshot is None:
        return last_impressions(in_one_task(stage.read(LOGS, *sources.logs), rows))
    rows += stage.rows(SEQUENCES_USER, sources.snapshot)
    earlier = in_one_task(stage.read(SEQUENCES_USER, sources.snapshot).drop("date"), rows)
    return continued(earlier, last_impressions(in_one_task(stage.read(LOGS, *sources.logs), rows)))


def publish_date(stage: Stage, date: str) -> list[Manifest]:
    """Publish the sequences before one date."""
    sources = find_sources(stage, date)
    with stage.staged(SEQUENCES_USER, date) as staged:
        content, _ = write_staged(sequences(stage, sources), staged)
        known_before = stage.rows(SEQUENCES_USER, sources.snapshot) if sources.snapshot else 0
        most = known_before + stage.rows(LOGS, *sources.logs)
        if not known_before <= content.rows <= most:
            raise StageError(
                f"{content.rows} users would have a sequence before {date}, but there must be {known_before} to {most}"
                "; nothing is published: run the stage again"
            )
        return [stage.publish(staged, content, sources.inputs, sources.history_start)]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = stage_parser(__doc__)
    arguments = parser.parse_args(argv)
    run_stage(_STAGE, arguments, dates_of(parser, arguments), publish=None, publish_in_order=publish_date)


if __name__ == "__main__":
    main()
