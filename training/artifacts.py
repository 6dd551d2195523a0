"""The folder a run leaves behind: written aside, renamed when complete, loaded alone."""

import json
import pickle
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from training.checksums import require_intact, write_checksums
from training.config import RunConfig
from training.data.features import FeatureSpace
from training.errors import TrainingError
from training.evaluation.predictions import PREDICTED
from training.evaluation.segments import Report, write_long, write_pivot
from training.models import build_model
from training.run_folder import METRICS_FILE, REPORT_FILE, SEGMENTS_FILE, folder_name
from training.text.lsa import NAME as LSA
from training.text.space import TextSpace

PREDICTIONS_FILE = "predictions.parquet"
_ABANDONED_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class Run:
    """A run's folder, loaded: enough to predict."""

    folder: Path
    config: RunConfig
    space: FeatureSpace
    text_space: TextSpace | None
    model: nn.Module


@contextmanager
def staging_folder(artifacts: Path) -> Iterator[Path]:
    """A folder to write a run into; what is still there at the end is removed."""
    parent = artifacts / ".staging"
    parent.mkdir(parents=True, exist_ok=True)
    _drop_abandoned(parent)
    _drop_abandoned(artifacts / ".checkpoints")
    _drop_abandoned(artifacts / ".embeddings" / LSA)  # fitted anew for every window
    folder = Path(tempfile.mkdtemp(dir=parent))
    folder.chmod(0o755)  # mkdtemp hides it from the other users who will read the run
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_run(
    folder: Path,
    config: RunConfig,
    course: dict[str, Any],
    space: FeatureSpace,
    text_space: TextSpace | None,
    model: nn.Module,
) -> None:
    """Writes what `load_run` needs. course: how the training went, for the reader of the configuration."""
    write_json(folder / f"{config.model}_config.json", {**asdict(config), "course": course})
    torch.save(model.state_dict(), folder / f"{config.model}_state.pt")
    space.save(folder)
    if text_space:
        text_space.save(folder)


def write_evaluation(folder: Path, predictions: pa.Table, metrics: dict[str, Any], report: Report, html: str) -> None:
    """Writes what the evaluation came to."""
    pq.write_table(predictions, folder / PREDICTIONS_FILE, compression="zstd")
    write_json(folder / METRICS_FILE, metrics)
    write_long(report, folder / SEGMENTS_FILE)
    write_pivot(report, folder / "cold_report_pivot.csv")
    (folder / REPORT_FILE).write_text(html, encoding="utf-8")


def publish_run(staged: Path, artifacts: Path, model: str) -> Path:
    """Renames a complete folder to artifacts_{model}_run_YYYYMMDD-HHMMSS (UTC); where that is taken, a second later.

    Its checksums go with it, by which load_config knows it again.
    """
    write_checksums(staged)
    while True:
        now = datetime.now(UTC)
        target = artifacts / folder_name(model, now)
        try:
            return staged.rename(target)  # one step, and never onto a folder that holds anything
        except OSError:
            if not target.exists():
                raise
            time.sleep(1 - now.microsecond / 1e6)


def load_run(folder: Path) -> Run:
    """Loads a run's folder. Raises TrainingError naming what is missing, changed or of another code revision in it."""
    config = load_config(folder)
    state_file = folder / f"{config.model}_state.pt"
    space = FeatureSpace.load(folder)
    text_space = TextSpace.load(folder) if config.text_settings else None
    state = _load_weights(state_file)
    text_shape = text_space.shape if text_space else None
    try:
        model = build_model(config.model, space.input_shape, config.model_settings, text_shape)
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{state_file} does not fit the model that {config.model}_config.json and feature_meta.json describe: "
            "use the code revision of the run, or train again"
        ) from error
    return Run(folder, config, space, text_space, model)


def _load_weights(path: Path) -> dict[str, Tensor]:
    """Tensors alone are ever loaded. Raises TrainingError where the file holds anything else, or values not finite."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own words end in advice to run whatever the file holds
        raise TrainingError(f"{path} is damaged or no file of weights: train again") from error
    if not all(value.isfinite().all() for value in state.values()):
        raise TrainingError(f"{path} holds weights that are not finite: train again")
    return state


def load_config(folder: Path) -> RunConfig:
    """The configuration of a run whose files are what they were when it was published. Raises TrainingError."""
    require_intact(folder)
    found = sorted(folder.glob("*_config.json"))
    if len(found) != 1:
        raise TrainingError(f"{folder} is not the folder of a run: it holds {len(found)} *_config.json files, not one")
    try:
        return RunConfig.from_dict(json.loads(found[0].read_text(encoding="utf-8")))
    except (TypeError, KeyError) as error:
        raise TrainingError(
            f"{found[0]} is not a configuration of this code ({type(error).__name__}: {error}): "
            "use the code revision of the run, or train again"
        ) from error


def load_predictions(folder: Path) -> pa.Table:
    """The validation rows of a run that load_config has found intact."""
    return pq.read_table(folder / PREDICTIONS_FILE, columns=list(PREDICTED))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes strict JSON: a number that is not finite is an error here, not in the reader."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _drop_abandoned(parent: Path) -> None:
    """Removes what killed runs left behind and nobody went on with."""
    oldest = time.time() - _ABANDONED_AFTER.total_seconds()
    for folder in parent.glob("*/"):
        with suppress(FileNotFoundError):  # a run beside this one has finished and taken it away
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
