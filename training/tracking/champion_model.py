"""Load the champion from MLflow."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError
from training.runs.stored_run import Run, load_run
from training.tracking.champion import Champion
from training.tracking.client import tracking


@contextmanager
def champion_folder(uri: str, champion: Champion) -> Iterator[Path]:
    """Copy the folder of the champion's run from MLflow. It is removed at the end."""
    with tempfile.TemporaryDirectory() as copy:
        with tracking(uri) as client:
            folder = Path(client.download_artifacts(champion.run_id, "", copy))
        yield folder


@contextmanager
def champion_run(uri: str, champion: Champion, text_encoder: str | None = None) -> Iterator[Run]:
    """Load the champion as load_champion does, and keep its folder in the `with` block."""
    with champion_folder(uri, champion) as folder:
        try:
            run = load_run(folder, text_encoder)
        except TrainingError as error:
            why = str(error).replace(str(folder), "its copy")
            raise TrainingError(
                f"the champion, version {champion.version} ({champion.run}), cannot be loaded from MLflow's run "
                f"{champion.run_id}: {why}; promote another run, or move the alias"
            ) from error
        yield run


def load_champion(uri: str, champion: Champion, text_encoder: str | None = None) -> Run:
    """Load the champion from MLflow. text_encoder: the new folder of its sentence-transformers model, if it moved.

    The run's `folder` does not exist any more when this returns. Raises TrainingError.
    """
    with champion_run(uri, champion, text_encoder) as run:
        return run
