"""What Spark stages and training containers have in common: the time they get to stop, and how they report errors."""

STOP_SECONDS = 3  # Airflow kills a task five seconds after asking it to stop
_PREFIX = "error: "


def error_in(line: str) -> str | None:
    """Return the message if the line has the form `error: ...`, otherwise None."""
    return line.removeprefix(_PREFIX).strip() if line.startswith(_PREFIX) else None


def last_error(output: str) -> str | None:
    """Return the message of the last line of the form `error: ...` in a command's output, or None if there is none."""
    return next(filter(None, map(error_in, reversed(output.splitlines()))), None)
