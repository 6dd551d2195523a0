"""Look for newer features and models in the background."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from serving.service import Service


@contextmanager
def refreshing(service: Service, look_every: float | None) -> Iterator[None]:
    """Refresh the service in a thread until the end. look_every: seconds between two looks; None for no looks."""
    if look_every is None:
        yield
        return
    ended = Event()

    def look() -> None:
        said: list[str] = []
        while not ended.is_set():
            service.refresh()
            if service.problems != said:
                said = service.problems
                print("\n".join(said) or "all problems are solved", file=sys.stderr, flush=True)
            ended.wait(look_every)

    thread = Thread(target=look, name="look for newer features and models", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
