"""Wait for a condition."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], seconds: float = 900, every: float = 1) -> None:
    """Wait until `holds()` is true, asking `every` so many seconds. Raises TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition does not hold after {seconds:g} s")
        time.sleep(every)
