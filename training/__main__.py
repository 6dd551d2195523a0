"""The entry point of `python -m training`."""

import os
import sys
from contextlib import suppress

from warehouse.errors import StorageError, WarehouseError


def _status() -> int:
    try:
        from training.cli import run
    except WarehouseError as error:  # what tells the number of scenes, such as a setting, is wrong or out of reach
        print(f"error: {error}", file=sys.stderr)
        return os.EX_TEMPFAIL if isinstance(error, StorageError) else 1
    return run()


if __name__ == "__main__":
    if status := _status():
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        os._exit(status)  # a normal exit can abort while Arrow's threads still read through Python
