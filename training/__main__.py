"""`python -m training`."""

import sys

from training.cli import run

if __name__ == "__main__":
    sys.exit(run())
