"""Run a command of this project in a process of its own, while this one goes on answering."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from serving.errors import ServingError
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY


def run_apart(arguments: Sequence[str], catalog: Catalog, settings: Mapping[str, str], failed: str) -> None:
    """Run `python -m` with these arguments for the dataset of a catalog, and wait.

    settings: environment variables; passwords must be here, as everyone can read a command line.
    Raises ServingError with `failed` and the last line of its standard error.
    """
    # The child finds its dataset, and how many scenes that has, by these two.
    place = {"ANTM2C_WAREHOUSE": catalog.storage.root, "ANTM2C_DATASET": catalog.dataset}
    modules = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **place, **settings, "PYTHONPATH": modules}
    command = [sys.executable, "-m", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        last = next(reversed(ended.stderr.splitlines()), f"exit status {ended.returncode}")
        raise ServingError(f"{failed}: {last.removeprefix('error: ')}")
