"""`python -m training`."""

import os
import sys
from contextlib import suppress

from training.cli import run

if __name__ == "__main__":
    if status := run():
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        os._exit(status)  # threads of Arrow may still read through Python: an interpreter that ends under them aborts
