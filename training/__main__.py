"""`python -m training`."""

import os
import sys

from training.cli import run

if __name__ == "__main__":
    status = run()
    sys.stdout.flush()
    sys.stderr.flush()
    if status:  # threads of Arrow may still read through Python: an interpreter that ends under them aborts
        os._exit(status)
