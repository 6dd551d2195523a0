"""The training loop: mean BCE on logits, early stopping, a checkpoint after every epoch."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from training.checkpoint import Checkpoint
from training.data.batches import Batches
from training.data.rows import Rows
from training.errors import TrainingError
from training.evaluation.gates import GateStatistics
from training.models.gates import GatedModel
from training.progress import bar, say

PREDICTION_ROWS = 16_384  # larger batches are no faster and would set the run's peak memory


@dataclass(frozen=True)
class LoopSettings:
    """How a model is trained."""

    epochs: int = 8
    batch_size: int = 1024
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 2
    seed: int = 7


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    number: int
    train_loss: float
    val_logloss: float
    val_auc: float
    seconds: float


@dataclass
class Course:
    """A training so far."""

    epochs: list[Epoch] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest validation log loss, the earliest of equals."""
        return min(self.epochs, key=lambda epoch: epoch.val_logloss, default=None)

    def ended(self, settings: LoopSettings) -> bool:
        """Whether all epochs are done or the last `patience` ones brought nothing better."""
        waited = len(self.epochs) - self.best.number if self.best else 0
        return len(self.epochs) >= settings.epochs or waited >= settings.patience


Validate = Callable[[Tensor], tuple[float, float]]  # logits [n] -> log loss, AUC


def fit(
    model: nn.Module,
    batches: Batches,
    validation: Rows,
    validate: Validate,
    settings: LoopSettings,
    checkpoint: Checkpoint,
) -> list[Epoch]:
    """Trains in place and leaves the best weights in the model. Raises TrainingError where the loss is not finite.

    What an epoch draws depends on the seed and its number alone: a resumed run draws what the killed one would have.
    """
    optimizer = _optimizer(model, settings)
    course = _resume(model, optimizer, checkpoint)
    while not course.ended(settings):
        number = len(course.epochs) + 1
        started = time.monotonic()
        train_loss = _train_epoch(model, optimizer, batches, settings, number)
        seconds = time.monotonic() - started
        logloss, auc = validate(predict(model, validation))
        if not math.isfinite(logloss):
            raise TrainingError(
                f"the validation log loss of epoch {number} is {logloss}: lower --learning-rate "
                f"({settings.learning_rate:g})"
            )
        course.epochs.append(Epoch(number, train_loss, logloss, auc, seconds))
        if course.best is course.epochs[-1]:
            course.best_weights = copy.deepcopy(model.state_dict())
        checkpoint.save(_state(model, optimizer, course))
        say(
            f"epoch {number}/{settings.epochs}: loss {train_loss:.5f}, validation log loss {logloss:.5f}, "
            f"AUC {auc:.5f}, {batches.rows / seconds:,.0f} rows/s"
        )
    model.load_state_dict(course.best_weights)
    return course.epochs


@torch.inference_mode()
def predict(model: nn.Module, rows: Rows, gates: GateStatistics | None = None) -> Tensor:
    """Logits [n], float32. `gates` takes in what a gated model's rows passed."""
    model.eval()
    logits = []
    for start in range(0, len(rows), PREDICTION_ROWS):
        batch = rows.slice(start, start + PREDICTION_ROWS)
        if gates is not None and isinstance(model, GatedModel):
            of_batch, weights = model.with_gates(batch)
            gates.add(batch.scene, weights)
        else:
            of_batch = model(batch)
        logits.append(of_batch)
    return torch.cat(logits)


def _train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Batches, settings: LoopSettings, number: int
) -> float:
    model.train()
    draw = settings.seed * 1_000_003 + number
    torch.manual_seed(draw)
    total, steps = 0.0, math.ceil(batches.rows / settings.batch_size)
    source = batches.epoch(torch.Generator().manual_seed(draw))
    for step, batch in enumerate(bar(source, steps, f"epoch {number}/{settings.epochs}"), start=1):
        loss = binary_cross_entropy_with_logits(model(batch), batch.label)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(_not_finite(value, batch, number, step, steps, settings))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += value * len(batch)
    return total / batches.rows


def _not_finite(value: float, batch: Rows, number: int, step: int, steps: int, settings: LoopSettings) -> str:
    return (
        f"the loss is {value} in epoch {number}, batch {step} of {steps} ({len(batch)} rows, "
        f"{int(batch.label.sum())} clicked, largest numeric feature {batch.numeric.abs().max():g}): "
        f"lower --learning-rate ({settings.learning_rate:g}); the checkpoint of epoch {number - 1} is kept"
    )


def _optimizer(model: nn.Module, settings: LoopSettings) -> torch.optim.Optimizer:
    # Decay would pull rarely seen ids to zero at every step in which they do not occur.
    embeddings = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    known = {id(weight) for weight in embeddings}
    others = [parameter for parameter in model.parameters() if id(parameter) not in known]
    groups = [{"params": embeddings, "weight_decay": 0.0}, {"params": others, "weight_decay": settings.weight_decay}]
    # Fused: a fifth more rows a second on a CPU, the same updates.
    return torch.optim.Adam(groups, lr=settings.learning_rate, fused=True)


def _state(model: nn.Module, optimizer: torch.optim.Optimizer, course: Course) -> dict[str, Any]:
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epochs": [asdict(epoch) for epoch in course.epochs],
        "best_weights": course.best_weights,
    }


def _resume(model: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint) -> Course:
    state = checkpoint.load()
    if state is None:
        return Course()
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        course = Course([Epoch(**fields) for fields in state["epochs"]], state["best_weights"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # RuntimeError: other weights than the model's
        raise checkpoint.unusable() from error
    say(f"resumed after epoch {len(course.epochs)}")
    return course
