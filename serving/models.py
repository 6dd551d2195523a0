"""Find and load the model that answers: the champion as it stands, or that of a folder."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from serving.errors import ServingError
from serving.own_process import run_apart
from training.scoring.exported_files import DESCRIPTION_FILE
from training.scoring.scorer import Scorer
from training.tracking.champion import ALIAS, require_champion
from warehouse.catalog import Catalog


@dataclass(frozen=True)
class ModelSource:
    """Where the model comes from. model: champion, the folder of a run, or that of an exported model.

    catalog: of the dataset that it must have been trained on.
    text_encoder: the new folder of its sentence-transformers model, if it has moved.
    """

    model: str
    catalog: Catalog
    tracking_uri: str
    text_encoder: str | None = None

    def newest(self) -> str:
        """Return what names the model to use now. Raises TrainingError if there is no champion."""
        if self.model != ALIAS:
            return self.model
        champion = require_champion(self.tracking_uri, self.catalog.dataset)
        return f"version {champion.version} ({champion.run})"

    def load(self) -> Scorer:
        """Load the model to use now. Raises ServingError or TrainingError."""
        if self.model != ALIAS and (Path(self.model) / DESCRIPTION_FILE).exists():
            return self._checked(Scorer(self.model, self.text_encoder))
        with tempfile.TemporaryDirectory() as folder:
            exported = Path(folder) / "exported"
            self._export(exported)
            return self._checked(Scorer(exported, self.text_encoder))

    def _export(self, target: Path) -> None:
        """Export the model in a process of its own, which needs torch; this one does not, and goes on answering."""
        command = ["training", "export", "--model", self.model, "--to", str(target)]
        settings = {"MLFLOW_TRACKING_URI": self.tracking_uri}
        run_apart(command, self.catalog, settings, f"{self.model} cannot be exported")

    def _checked(self, scorer: Scorer) -> Scorer:
        if scorer.dataset != self.catalog.dataset:
            raise ServingError(
                f"{self.model} was trained on dataset {scorer.dataset}, and cannot score dataset "
                f"{self.catalog.dataset}: give another model, or another --dataset"
            )
        return scorer
