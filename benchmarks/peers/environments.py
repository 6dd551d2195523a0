"""A Python environment for each public library, installed from the package registry, apart from this project's."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

# deepctr-torch imports requests but does not declare it as a requirement.
REQUIREMENTS = {
    "deepctr": ("deepctr-torch==0.3.0", "requests"),
    "rechub": ("torch-rechub==0.9.0",),
    "fuxictr": ("fuxictr==2.3.10",),
}


def make_environment(folder: Path, requirements: Sequence[str]) -> Path:
    """Make an environment with this project's version of torch. Returns its Python. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    # torch comes first: as a library's requirement, it might bring gigabytes for GPUs.
    torch = f"torch=={version('torch').split('+')[0]}"
    for packages in ([torch], requirements):
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    return folder / "bin" / "python"
