"""Load the champion, to predict with it."""

import tempfile
from pathlib import Path

from training.errors import TrainingError
from training.runs.stored_run import Run, load_run
from training.tracking.champion import Champion
from training.tracking.client import tracking


def load_champion(uri: str, champion: Champion, text_encoder: str | None = None) -> Run:
    """Load the champion from MLflow. text_encoder: the present folder of its sentence-transformers model, if it moved.

    The run's `folder` does not exist any more when this returns. Raises TrainingError.
    """
    with tempfile.TemporaryDirectory() as copy:
        with tracking(uri) as client:
            folder = Path(client.download_artifacts(champion.run_id, "", copy))
        try:
            return load_run(folder, text_encoder)
        except TrainingError as error:
            raise TrainingError(
                f"the champion, version {champion.version} ({champion.run}), cannot be loaded from MLflow's run "
                f"{champion.run_id}: {error}; promote another run, or move the alias"
            ) from error
