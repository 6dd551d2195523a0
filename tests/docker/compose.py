"""The docker compose command, if this machine has it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from warehouse.settings import REPOSITORY

CI = bool(os.environ.get("CI"))
_THERE = shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode

# CI installs it, so there a missing one must fail and not skip the tests.
needs_compose = pytest.mark.skipif(not _THERE and not CI, reason="no docker compose on this machine")


def compose(*words: str, env_file: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a compose command on the project's file. Raises CalledProcessError unless `check` is False."""
    command = ["docker", "compose", "--env-file", str(env_file), *words]
    return subprocess.run(command, cwd=REPOSITORY, **{"check": True, "text": True, "capture_output": True, **options})


def new_env_file(path: Path, changes: Mapping[str, str]) -> Path:
    """Write what `make .env` writes, with some variables changed."""
    written = subprocess.run(["docker/env.sh"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    path.write_text(written + "".join(f"{name}={value}\n" for name, value in changes.items()))
    return path
