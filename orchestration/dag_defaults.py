"""What all DAGs have in common: retries and timeouts, schedules, and the form field for rejected rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, CronTriggerTimetable, Param

from orchestration.task_failures import RetryWhatMayPass
from orchestration.task_messages import leave_error_message

START = datetime(2023, 7, 10, tzinfo=UTC)
TAGS = ["antm2c"]

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "antm2c",
    "retries": 2,
    "retry_policy": RetryWhatMayPass(),
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": leave_error_message,
}

MAX_REJECT_RATE = Param(
    0.01,
    type="number",
    minimum=0,
    maximum=1,
    title="Maximum share of rejected rows",
    description="From 0 to 1. If more rows of a date are rejected, the stage fails and publishes only the rejects.",
)
REJECT_ARGUMENTS = ["--max-reject-rate", "{{ params.max_reject_rate }}"]


def daily_utc() -> CronDataIntervalTimetable:
    """Return a schedule that starts a run each day at midnight UTC, for the day that has just ended."""
    return CronDataIntervalTimetable("0 0 * * *", timezone="UTC")


def weekly_utc() -> CronTriggerTimetable:
    """Return a schedule for each Monday at 06:00 UTC, for the Sunday before, whose daily run has then had six hours."""
    return CronTriggerTimetable("0 6 * * MON", timezone="UTC", interval=timedelta(hours=30))
