"""Measure the cost of large vocabularies in training: 2 million users against 100,000, with equally many rows."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.figure import Figure
from training.data.batches import InMemoryBatches
from training.data.input_shape import InputShape
from training.data.rows import Rows
from training.evaluation.auc import auc
from training.fitting.checkpoint import Checkpoint
from training.fitting.loop import fit
from training.fitting.loop_settings import LoopSettings
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings

_ROWS, _VALIDATION, _NUMERIC = 500_000, 50_000, 40
_FEW, _MANY, _ITEMS = 100_000, 2_000_000, 20_000
_DENSE = 1e-30  # a decay that changes nothing, but makes the optimizer update every embedding at every step


def measure(folder: Path) -> list[Figure]:
    """Return the rows per second of mmoe over two epochs, and the difference of its AUC from that of dense Adam."""
    few, many, dense = (_trained(folder, users, decay) for users, decay in ((_FEW, 0.0), (_MANY, 0.0), (_MANY, _DENSE)))
    ratio, apart = many["rate"] / few["rate"], abs(many["auc"] - dense["auc"])
    return [
        Figure(
            f"training rate of mmoe with {_MANY:,} users against {_FEW:,}; AUC beside dense Adam's",
            f"{ratio:.2f} x; {apart:.4f} apart (dense Adam {dense['rate'] / few['rate']:.2f} x)",
            "at least 0.9 x; within 0.001",
            ratio >= 0.9 and apart <= 0.001,
            {**_named("few", few), **_named("many", many), **_named("dense", dense)},
        )
    ]


def _named(prefix: str, figures: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in figures.items()}


def _trained(folder: Path, users: int, decay: float) -> dict[str, float]:
    rows = _drawn(users, _ROWS + _VALIDATION)
    train, validation = rows.slice(0, _ROWS), rows.slice(_ROWS, len(rows))
    settings = LoopSettings(epochs=2, batch_size=4096, embedding_decay=decay)
    torch.manual_seed(settings.seed)
    sizes = {"user_id": users + 1, "item_id": _ITEMS + 1, "scene": 5}
    model = RowModel(build_model("mmoe", InputShape.without_histories(sizes, _NUMERIC), ModelSettings()))

    def validate(logits: Tensor) -> tuple[float, float]:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, validation.label)
        return loss.item(), auc(logits.numpy(), validation.label.numpy()) or 0.0

    with tempfile.TemporaryDirectory(dir=folder) as run:
        epochs = fit(model, InMemoryBatches(train, 4096), validation, validate, settings, Checkpoint(Path(run), {}))
    return {"rate": _ROWS * len(epochs) / sum(epoch.seconds for epoch in epochs), "auc": epochs[-1].val_auc}


def _drawn(users: int, rows: int) -> Rows:
    """Draw rows whose clicks depend on user, item, scene and some of the numeric features."""
    generator = torch.Generator().manual_seed(5)
    user, item, scene = (torch.randint(1, size, (rows,), generator=generator) for size in (users + 1, _ITEMS + 1, 6))
    mood, appeal = (torch.randn(size + 1, generator=generator) for size in (users, _ITEMS))
    numeric = torch.randn(rows, _NUMERIC, generator=generator)
    logit = mood[user] + appeal[item] + 0.2 * scene + numeric[:, :4].sum(1) * 0.3 - 1
    label = (torch.rand(rows, generator=generator) < torch.sigmoid(logit)).float()
    return Rows(torch.stack([user, item, scene - 1], dim=1), numeric, label)
