"""The file of a run that holds its model: a network's weights, or trees as text."""

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training.data.input_shape import InputShape
from training.errors import TrainingError
from training.model_names import GBDT
from training.models.build import build_model
from training.models.click_model import ClickModel, RowModel
from training.runs.config import RunConfig

if TYPE_CHECKING:
    from training.models.gbdt import Trees


def save_model(folder: Path, name: str, model: "RowModel | Trees") -> None:
    """Write {name}_state.pt or {name}_trees.txt."""
    if isinstance(model, RowModel):
        torch.save(model.model.state_dict(), folder / f"{name}_state.pt")
    else:
        (folder / f"{name}_trees.txt").write_text(model.text(), encoding="utf-8")


def load_model(
    folder: Path, config: RunConfig, shape: InputShape, text_shape: tuple[int, int] | None
) -> "ClickModel | Trees":
    """Load what save_model wrote. Raises TrainingError if it is damaged or does not fit the configuration."""
    return (
        _load_trees(folder, config, shape) if config.model == GBDT else _load_network(folder, config, shape, text_shape)
    )


def _load_trees(folder: Path, config: RunConfig, shape: InputShape) -> "Trees":
    from training.models.gbdt import Trees

    path = folder / f"{config.model}_trees.txt"
    try:
        return Trees.parse(path.read_text(encoding="utf-8"), shape)
    except ValueError as error:
        raise TrainingError(f"{path} cannot be used, {error}: train again") from error


def _load_network(folder: Path, config: RunConfig, shape: InputShape, text_shape: tuple[int, int] | None) -> ClickModel:
    path = folder / f"{config.model}_state.pt"
    state = _load_weights(path)
    try:
        model = build_model(config.model, shape, config.model_settings, text_shape)
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"the weights in {path} do not fit the model described by {config.model}_config.json and "
            "feature_meta.json: use the code revision that trained the run, or train again"
        ) from error
    return model


def _load_weights(path: Path) -> dict[str, Tensor]:
    """Load a file of weights. Raises TrainingError if it holds anything but tensors, or values that are not finite."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's message advises to load the file unsafely
        raise TrainingError(f"{path} is damaged, or is not a file of weights: train again") from error
    if not all(value.isfinite().all() for value in state.values()):
        raise TrainingError(f"{path} holds weights that are not finite: train again")
    return state
