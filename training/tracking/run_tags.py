"""Tags that tell which folder a run in MLflow was made from: the folder's name and a hash of its configuration."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from training.errors import TrainingError
from training.runs.layout import config_file, model_of
from training.runs.summary import BrokenRunError

RUN_TAG = "antm2c.run"  # the name of the run's folder
AS_OF_TAG = "antm2c.as_of"  # the last validation day
MODEL_FOLDER = "model"  # among the files of a run in MLflow: the model in MLflow's format
CONFIG_TAG = "antm2c.config_sha256"  # tells apart folders of the same name, such as those of several people


def run_folders(paths: Iterable[str]) -> list[Path]:
    """Return the paths of runs' folders, resolved. Raises TrainingError if one does not have the name of a run."""
    folders = [Path(path).resolve() for path in paths]
    for folder in folders:
        if model_of(folder.name) is None:
            raise TrainingError(
                f"{folder} is not the folder of a run, or has been renamed: give it its name back, "
                "artifacts_{model}_run_YYYYMMDD-HHMMSS, by which MLflow knows the run"
            )
    return folders


def identity(folder: Path) -> dict[str, str]:
    """Return the tags for a run's folder. Raises BrokenRunError if its configuration cannot be read."""
    config = folder / config_file(folder.name)
    try:
        content = config.read_bytes()
    except OSError as error:
        raise BrokenRunError(folder, f"{config.name} cannot be read ({error.strerror})") from error
    return {RUN_TAG: folder.name, CONFIG_TAG: hashlib.sha256(content).hexdigest()}
