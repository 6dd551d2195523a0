"""Run a measurement in its own process, perhaps with another Python environment."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from warehouse.settings import REPOSITORY

_SHOWN_OF_OUTPUT = 3000  # characters


def run_script(
    python: str | Path, module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> dict[str, float]:
    """Run a module of this repository in `folder`. Returns the last JSON object it prints. Raises RuntimeError."""
    command = [str(python), "-W", "ignore", "-m", module, *arguments]
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if ended.returncode:
        output = (ended.stdout + ended.stderr)[-_SHOWN_OF_OUTPUT:]
        raise RuntimeError(f"{module} ended with status {ended.returncode}:\n{output}")
    return json.loads([line for line in ended.stdout.splitlines() if line.startswith("{")][-1])
