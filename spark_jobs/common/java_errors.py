"""Find the cause of an error from Java: Spark wraps errors several times, and only the innermost says what happened."""

import re
from collections.abc import Sequence

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException

_NAME = r"(?P<error>(?:[a-z_]\w*\.)+[A-Z][\w$]*)(?:: (?P<message>.*))?"
# A line of a stack trace that begins an error: as Py4J and Spark print it, or inside the message of a failed task.
_ERROR = re.compile(rf"^(?:.* executor \w+\): |: |Caused by: )?{_NAME}$", re.MULTILINE)
_SHOWN_CHARACTERS = 1000
_JVM_HAS_ENDED = (
    "Spark's JVM has ended; run the stage again; if the machine ran out of memory, give it more, or run fewer dates "
    "at a time"
)


def java_causes(error: Exception) -> Sequence[str]:
    """Return the messages of the error and its causes, one line each, the innermost cause last."""
    if isinstance(error, (Py4JNetworkError, ConnectionError)):
        return [_JVM_HAS_ENDED]
    if isinstance(error, OSError):
        return [f"{error.strerror}: {error.filename}" if error.strerror and error.filename else str(error)]
    assert isinstance(error, (Py4JError, PySparkException))
    try:
        text = str(error)  # asks the JVM
    except (Py4JError, OSError):
        return [_JVM_HAS_ENDED]
    causes = [_short(match) for match in _ERROR.finditer(text)]
    return list(dict.fromkeys(causes)) or [f"{type(error).__name__}: {text.strip().partition(chr(10))[0]}"]


def _short(match: re.Match[str]) -> str:
    name, message = match["error"].rsplit(".", 1)[-1].rsplit("$", 1)[-1], (match["message"] or "").strip()
    return f"{name}: {message}"[:_SHOWN_CHARACTERS] if message else name
