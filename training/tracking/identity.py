"""How MLflow knows a run's folder again."""

import hashlib
from pathlib import Path

from training.errors import TrainingError
from training.runs.layout import config_file

RUN_TAG = "antm2c.run"  # the name of the run's folder
CONFIG_TAG = "antm2c.config_sha256"  # tells namesakes apart


def identity(folder: Path) -> dict[str, str]:
    """Tags by which a run's folder is known. Folders of several people may have one name. Raises TrainingError."""
    try:
        config = (folder / config_file(folder.name)).read_bytes()
    except OSError as error:
        raise incomplete(folder, error) from error
    return {RUN_TAG: folder.name, CONFIG_TAG: hashlib.sha256(config).hexdigest()}


def incomplete(folder: Path, error: Exception) -> TrainingError:
    """What to raise where a folder is not that of a run."""
    return TrainingError(
        f"{folder} is not the complete folder of a run ({type(error).__name__}: {error}): train again, or name another"
    )
