"""What a task leaves behind to be read without its log: the plugin that writes the notes of runs looks for it."""

from typing import Any

TOLD, DECISION = "told", "decision"  # XCom keys: a sentence of a task that failed or was skipped; on the champion
CHALLENGE, APPROVE = "challenge", "approve"  # the tasks that decide on the champion
_LONGEST = 300  # characters


def tell_failure(context: Any) -> None:
    """Called when a task has failed for good: keeps the first line of its error."""
    error = context.get("exception")
    tell(context["ti"], next(iter(str(error).splitlines()), "") or type(error).__name__)


def tell(ti: Any, sentence: str) -> None:
    """Keeps a sentence of a task, cut where it is long; a rerun of the task removes it."""
    ti.xcom_push(key=TOLD, value=sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}…")
