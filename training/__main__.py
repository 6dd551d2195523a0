"""The entry of `python -m training`."""

import os
import sys
from contextlib import suppress

from training.cli import run

if __name__ == "__main__":
    if status := run():
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        os._exit(status)  # a normal exit can abort while Arrow's threads still read through Python
