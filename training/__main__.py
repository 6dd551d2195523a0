"""The entry point of `python -m training`."""

import os
import sys
from contextlib import suppress

from warehouse.errors import WarehouseError


def _status() -> int:
    # If other programs run as well, threads that spin while they wait would take cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from training.cli import run

        return run()
    except WarehouseError as error:  # a setting with a value that is not allowed
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the command itself has begun
        return 130


if __name__ == "__main__":
    status = _status()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)  # a normal exit can abort while Arrow's threads still read through Python
