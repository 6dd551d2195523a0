"""The tags that tell which run's folder a run in MLflow was made from."""

import hashlib
from pathlib import Path

from training.runs.layout import config_file
from training.runs.summary import BrokenRunError

RUN_TAG = "antm2c.run"  # the name of the run's folder
CONFIG_TAG = "antm2c.config_sha256"  # tells apart folders of the same name, which several people may have


def identity(folder: Path) -> dict[str, str]:
    """Return the tags of a run's folder. Raises BrokenRunError if its configuration cannot be read."""
    config = folder / config_file(folder.name)
    try:
        content = config.read_bytes()
    except OSError as error:
        raise BrokenRunError(folder, f"{config.name} cannot be read ({error.strerror})") from error
    return {RUN_TAG: folder.name, CONFIG_TAG: hashlib.sha256(content).hexdigest()}
