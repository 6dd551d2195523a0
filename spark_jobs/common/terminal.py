"""Write to standard error, also under spark-submit, which sends Python's standard error to standard output."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from py4j.protocol import Py4JError
from pyspark import SparkContext


def say(*lines: str) -> None:
    """Write lines to standard error."""
    text = "".join(f"{line}\n" for line in lines)
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # spark-submit started this process
        try:
            SparkContext._ensure_initialized()
            # As bytes: for println, the JVM would need a locale that has the characters.
            jvm: Any = SparkContext._jvm
            jvm.java.lang.System.err.write(bytearray(text.encode(errors="backslashreplace")))
            return
        except (OSError, Py4JError):  # the JVM has ended
            pass
    sys.stderr.write(text)
    sys.stderr.flush()


def fail(sentence: str, status: int = 1, details: Sequence[str] = ()) -> NoReturn:
    """Print the details and then the error sentence, and exit. Airflow shows the last line."""
    say(*details, f"error: {sentence}")
    sys.exit(status)
