"""What Spark stages and training containers have in common: how long they get to stop, and how they report an error."""

import re

STOP_SECONDS = 3  # Airflow kills a task five seconds after asking it to stop
_ERROR_LINE = re.compile(r"^error: (.+)$", re.MULTILINE)


def last_error(output: str) -> str | None:
    """The text of the last `error: ...` line of a command's output, or None if it has no such line."""
    errors = _ERROR_LINE.findall(output)
    return errors[-1] if errors else None
