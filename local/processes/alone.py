"""One process at a time for one folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes.errors import StartError

LOCK = "lock"


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Raises StartError where the block runs in another process for the same folder."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"another of these runs in {home}: wait for it, or end it") from None
        yield
