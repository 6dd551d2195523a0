"""A Python environment for each public library, from the package registry: none shares this project's packages."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

# deepctr-torch imports requests without asking for it.
REQUIREMENTS = {
    "deepctr": ("deepctr-torch==0.3.0", "requests"),
    "rechub": ("torch-rechub==0.9.0",),
    "fuxictr": ("fuxictr==2.3.10",),
}


def make_environment(folder: Path, requirements: Sequence[str]) -> Path:
    """The environment's Python. Its torch is this project's version. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    # torch first: asked for by a library, it might come with gigabytes for GPUs.
    torch = f"torch=={version('torch').split('+')[0]}"
    for wanted in ([torch], list(requirements)):
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *wanted], check=True)
    return folder / "bin" / "python"
