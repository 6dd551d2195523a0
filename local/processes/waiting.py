"""Wait for a condition."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 900, every: float = 1) -> None:
    """Check the condition every `every` seconds until it is true. Raises TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition is still not true after {seconds:g} s")
        time.sleep(every)
