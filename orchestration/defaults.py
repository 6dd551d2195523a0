"""What every DAG has in common: owner, retries, timeouts, and how a run finds its date."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, CronTriggerTimetable, Param

from orchestration.telling import tell_failure

START = datetime(2023, 7, 10, tzinfo=UTC)
TAGS = ["antm2c"]

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "antm2c",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": tell_failure,
}


MAX_REJECT_RATE = Param(
    0.01,
    type="number",
    minimum=0,
    maximum=1,
    title="Most rejected rows",
    description="As a share of a date's rows. Above it csv_to_orc fails, and publishes the rejects alone.",
)
REJECT_ARGUMENTS = ["--max-reject-rate", "{{ params.max_reject_rate }}"]


def date_template(param: str, unless: str = "none") -> str:
    """The partition date: the param where it is given, else what the expression `unless` has to say, else the logical
    date, else when the run was due.
    """
    return f"{{{{ params.{param} or {unless} or ((dag_run.logical_date or dag_run.run_after) | ds) }}}}"


def daily_utc() -> CronDataIntervalTimetable:
    """Each day at midnight UTC, for the day that has just ended."""
    return CronDataIntervalTimetable("0 0 * * *", timezone="UTC")


def weekly_utc() -> CronTriggerTimetable:
    """Each Monday at 06:00 UTC, for the Sunday before: its daily run has had six hours."""
    return CronTriggerTimetable("0 6 * * MON", timezone="UTC", interval=timedelta(hours=30))
