"""Messages that tasks leave in XCom, and their keys. The plugin run_notes collects them into the note of a run."""

from typing import Any

from warehouse.errors import first_line

MESSAGE = "message"  # XCom key: why a task failed or was skipped
NEEDED_DATE = "needed_date"  # XCom key: the dataset and the date that a failed task wait_for_history needs
DECISION = "decision"  # XCom key: which run the challenge chose as the champion, and why
CHALLENGE, APPROVE = "challenge", "approve"  # the tasks that decide on the champion


def leave_error_message(context: Any) -> None:
    """Leave the first line of a failed task's error in XCom, for the run's note."""
    if error := context.get("exception"):
        leave_message(context["ti"], first_line(error))


def leave_message(ti: Any, message: str) -> None:
    """Leave a message in XCom for the run's note. Airflow deletes it when the task runs again."""
    ti.xcom_push(key=MESSAGE, value=message)
