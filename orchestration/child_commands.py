"""What Spark stages and training containers have in common: how long they get to stop, and how they report an error."""

STOP_SECONDS = 3  # Airflow kills a task five seconds after asking it to stop
_PREFIX = "error: "


def error_in(line: str) -> str | None:
    """The text of a line of output that has the form `error: ...`, otherwise None."""
    return line.removeprefix(_PREFIX).strip() if line.startswith(_PREFIX) else None


def last_error(output: str) -> str | None:
    """The text of the last `error: ...` line of a command's output, or None if it has no such line."""
    return next(filter(None, map(error_in, reversed(output.splitlines()))), None)
