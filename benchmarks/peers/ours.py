"""This project's mmoe with its own batches, loop, validation, metrics and checkpoints.

With the argument `wide`, its input is like fuxictr's, see WideInput.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers import task
from training.data.batches import InMemoryBatches
from training.data.input_shape import InputShape
from training.data.rows import Rows
from training.evaluation.auc import auc
from training.evaluation.calibration import log_loss
from training.fitting.checkpoint import Checkpoint
from training.fitting.device import keep_freed_memory
from training.fitting.loop import fit
from training.fitting.loop_settings import LoopSettings
from training.models.build import build_model
from training.models.click_model import ClickModel, RowModel
from training.models.input_layer import InputLayer
from training.models.mmoe import MMoE
from training.models.model_settings import ModelSettings

_SIZES = {"user_id": task.USERS, "item_id": task.ITEMS, "scene": task.SCENES}
_SHAPE = InputShape.without_histories(_SIZES, task.NUMERIC)
_EPOCHS = task.WARM_UP_EPOCHS + task.MEASURED_EPOCHS


class WideMMoE(nn.Module):
    """An MMoE that multiplies every numeric feature by a vector of its own, as fuxictr does: x [B, D], scene [B]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        spread = (2 / (1 + task.EMBEDDING)) ** 0.5  # fuxictr draws by Xavier's rule
        self.vectors = nn.Parameter(spread * torch.randn(task.NUMERIC, task.EMBEDDING))
        wide_size = size + task.NUMERIC * (task.EMBEDDING - 1)
        self.mmoe = MMoE(wide_size, task.SCENES, task.EXPERTS, task.EXPERT_SIZES, task.TOWER)

    def forward(self, x: Tensor, scene: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits [B] and the gates' weights."""
        embedded, numeric = x.split([x.shape[1] - task.NUMERIC, task.NUMERIC], 1)
        wide = torch.cat([embedded, (numeric.unsqueeze(2) * self.vectors).flatten(1)], 1)
        return self.mmoe(wide, scene)


def main(folder: Path, wide: bool) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    train, validation = (_rows(task.read_rows(folder, part)) for part in ("train", "validation"))
    settings = ModelSettings(task.EMBEDDING, experts=task.EXPERTS)
    model = RowModel(_wide_model(settings) if wide else build_model("mmoe", _SHAPE, settings))
    train_ours(model, train, validation, folder)


def train_ours(
    model: RowModel,
    train: Rows,
    validation: Rows,
    folder: Path,
    batch: int = task.BATCH,
    learning_rate: float = task.LEARNING_RATE,
) -> None:
    """Train with this project's loop, and print the result."""
    keep_freed_memory()
    label, cpu_marks = validation.label.numpy(), [task.cpu_seconds_so_far()]

    def validate(logits: Tensor) -> tuple[float, float]:
        cpu_marks.append(task.cpu_seconds_so_far())
        area = auc(logits.numpy(), label)
        assert area is not None
        return float(log_loss(logits.numpy(), label).mean()), area

    loop_settings = LoopSettings(_EPOCHS, batch, learning_rate, patience=_EPOCHS)
    checkpoint = Checkpoint(folder, {"started": time.time()})
    started = time.perf_counter()
    epochs = fit(model, InMemoryBatches(train, batch), validation, validate, loop_settings, checkpoint)
    whole_rate = len(train) * _EPOCHS / (time.perf_counter() - started)
    checkpoint.remove()
    seconds, aucs = [epoch.seconds for epoch in epochs], [epoch.val_auc for epoch in epochs]
    # Between two validations are an epoch, the prediction of the validation rows and a checkpoint.
    cpu_seconds = np.diff(cpu_marks).tolist()
    task.print_result(seconds, cpu_seconds, aucs, len(train), rows_per_s_with_validation_and_checkpoints=whole_rate)


def _wide_model(settings: ModelSettings) -> ClickModel:
    inputs = InputLayer(_SHAPE, settings.embedding_size, settings.id_dropout, settings.unseen_rate)
    return ClickModel(inputs, WideMMoE(inputs.output_size))


def _rows(sample: task.Sample) -> Rows:
    categorical = torch.stack([torch.from_numpy(ids) for ids in (sample.user, sample.item, sample.scene)], 1)
    return Rows(categorical, torch.from_numpy(sample.numeric), torch.from_numpy(sample.label))


if __name__ == "__main__":
    main(Path(sys.argv[1]), wide="wide" in sys.argv[2:])
