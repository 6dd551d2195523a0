"""Read a finished run's folder: its configuration, its model and its predictions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from training.checksums import changed_files
from training.data.feature_space import FeatureSpace
from training.errors import TrainingError
from training.evaluation.prediction_table import PREDICTED, same_rows
from training.models.click_model import ClickModel
from training.runs.config import RunConfig
from training.runs.layout import PREDICTIONS_FILE
from training.runs.model_file import load_model
from training.text.text_space import TextSpace

if TYPE_CHECKING:
    from training.models.gbdt import Trees


@dataclass(frozen=True)
class Run:
    """A run loaded from its folder, with everything that is needed to predict."""

    folder: Path
    config: RunConfig
    space: FeatureSpace
    text_space: TextSpace | None
    model: "ClickModel | Trees"


def load_run(folder: Path, text_encoder: str | None = None) -> Run:
    """Load a run from its folder. text_encoder: the new folder of its sentence-transformers model, if it moved.

    Raises TrainingError if a file is missing, changed or written by an incompatible code revision.
    """
    config = load_config(folder)
    space = FeatureSpace.load(folder)
    text_space = TextSpace.load(folder, text_encoder) if config.text_settings else None
    model = load_model(folder, config, space.input_shape, text_space.shape if text_space else None)
    return Run(folder, config, space, text_space, model)


def load_config(folder: Path) -> RunConfig:
    """Read the configuration of an unchanged run. Raises TrainingError if files are missing or changed."""
    require_intact(folder)
    found = sorted(folder.glob("*_config.json"))
    if len(found) != 1:
        raise TrainingError(
            f"{folder} is not the folder of a run: it has {len(found)} *_config.json files instead of one; give another"
        )
    try:
        return RunConfig.from_dict(json.loads(found[0].read_text(encoding="utf-8")))
    except (TypeError, KeyError) as error:
        raise TrainingError(
            f"{found[0]} does not fit this version of the code ({type(error).__name__}: {error}): "
            "use the code revision that trained the run, or train again"
        ) from error


def load_predictions(folder: Path) -> pa.Table:
    """Read a run's predictions. load_config must have checked its files before."""
    return pq.read_table(folder / PREDICTIONS_FILE, columns=list(PREDICTED))


def comparable_predictions(folders: Sequence[Path]) -> list[pa.Table]:
    """Read the predictions of runs that load_config has checked. Raises TrainingError if their rows differ."""
    tables = [load_predictions(folder) for folder in folders]
    for folder, table in zip(folders[1:], tables[1:], strict=True):
        if not same_rows(table, tables[0]):
            raise TrainingError(
                f"{folder} and {folders[0]} were validated on different rows: compare runs of the same dataset, "
                "--as-of and --val-days, trained on the same published tables"
            )
    return tables


def require_intact(run: Path) -> None:
    """Raise TrainingError if the run's folder does not exist, or if its files were changed or removed."""
    if not run.is_dir():
        raise TrainingError(f"there is no folder {run}: give the folder of a finished run")
    if changed := changed_files(run):
        shown = f"{', '.join(changed[:3])}{' and more' if len(changed) > 3 else ''}"
        raise TrainingError(
            f"{run} is not the folder of an intact run: {shown} {'is' if len(changed) == 1 else 'are'} missing or "
            "changed; use an undamaged copy, or train again"
        )
