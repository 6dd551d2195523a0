"""Messages that tasks leave in XCom, and their keys. The plugin run_notes collects them into the note of a run."""

from typing import Any

MESSAGE = "message"  # XCom key: why a task failed or was skipped
DECISION = "decision"  # XCom key: which run the challenge chose as the champion, and why
CHALLENGE, APPROVE = "challenge", "approve"  # the tasks that decide on the champion
_MAX_CHARACTERS = 300


def leave_error_message(context: Any) -> None:
    """Leave the first line of the error that made a task fail for good."""
    error = context.get("exception")
    leave_message(context["ti"], next(iter(str(error).splitlines()), "") or type(error).__name__)


def leave_message(ti: Any, message: str) -> None:
    """Leave a message, shortened if it is long. Airflow deletes it when the task runs again."""
    short = message if len(message) <= _MAX_CHARACTERS else f"{message[: _MAX_CHARACTERS - 1]}…"
    ti.xcom_push(key=MESSAGE, value=short)
