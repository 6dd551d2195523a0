"""The training loop: mean BCE on logits, early stopping, a checkpoint after every epoch."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from training.data.batches import Batches
from training.data.rows import Rows
from training.distributed import averaged, count, from_leader, is_leader, rank, sharing_gradients
from training.errors import TrainingError
from training.evaluation.prediction import predict
from training.fitting.checkpoint import Checkpoint
from training.fitting.device import compiled, on_device, training_precision
from training.fitting.epoch_losses import EpochLosses
from training.fitting.loop_settings import Criterion, LoopSettings
from training.fitting.optimizer import ModelOptimizer
from training.models.click_model import RowModel
from training.progress import bar, say

_SAID = {"logloss": "log loss", "auc": "AUC"}
_DIVERGED = 2 * math.log(2)  # an untrained model's log loss is near log 2, as guessing is


@dataclass(frozen=True)
class Epoch:
    """The losses and metrics of one epoch, and its training time.

    val_logloss, val_auc: of the held-out rows, which decide when training ends.
    """

    number: int
    train_loss: float
    val_logloss: float
    val_auc: float
    seconds: float


@dataclass
class Course:
    """The epochs trained so far, and the weights of the best one."""

    epochs: list[Epoch] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def end(self, settings: LoopSettings) -> str | None:
        """Return why the training ends now, or None if there is to be another epoch.

        It ends if all epochs are done, or if the last `patience` epochs were no better than an earlier one.
        """
        waited = len(self.epochs) - best_epoch(self.epochs, settings.stop_on).number if self.epochs else 0
        if waited >= settings.patience:
            epochs = "1 epoch" if waited == 1 else f"{waited} epochs"
            return f"the held-out {_SAID[settings.stop_on]} has not improved for {epochs} (--patience)"
        return f"all {settings.epochs} epochs are done" if len(self.epochs) >= settings.epochs else None


def best_epoch(epochs: Sequence[Epoch], stop_on: Criterion) -> Epoch:
    """Return the epoch with the lowest held-out log loss or the highest AUC; the first one if there is a tie."""
    return min(epochs, key=lambda epoch: epoch.val_logloss if stop_on == "logloss" else -epoch.val_auc)


def say_epoch(epoch: Epoch, settings: LoopSettings, rows: int) -> None:
    """Print the results of an epoch. rows: those trained on."""
    say(
        f"epoch {epoch.number}/{settings.epochs}: loss {epoch.train_loss:.5f}, held-out log loss "
        f"{epoch.val_logloss:.5f}, AUC {epoch.val_auc:.5f}, {rows / epoch.seconds:,.0f} rows/s"
    )


def require_converged(best: Epoch, settings: LoopSettings) -> None:
    """Raise TrainingError if the best epoch is far worse than guessing."""
    if best.val_logloss > _DIVERGED:
        raise TrainingError(
            f"the training has diverged: the held-out log loss of the best epoch, {best.number}, is "
            f"{best.val_logloss:g}, but guessing gives {math.log(2):.3f}: lower --learning-rate "
            f"({settings.learning_rate:g})"
        )


Validate = Callable[[Tensor], tuple[float, float]]  # logits [n] -> log loss, AUC


def fit(
    model: RowModel,
    batches: Batches,
    held_out: Rows,
    validate: Validate,
    settings: LoopSettings,
    checkpoint: Checkpoint,
) -> list[Epoch]:
    """Train a model in place until the held-out rows are predicted no better, and leave it with the best weights.

    The random numbers of an epoch depend only on the seed and its number, so a resumed run gives the same result. The
    model ends on the CPU, whatever it was trained on, so that a later evaluation there gives the same metrics. Raises
    TrainingError if a loss is not finite, or if the best held-out loss is far worse than guessing.
    """
    model.to(settings.device)
    optimizer = ModelOptimizer(model, settings)
    course = _resume(model, optimizer, checkpoint)
    held_out = on_device(held_out, settings.device)
    trained = sharing_gradients(compiled(model) if settings.compile else model, optimizer.deferred)
    while not course.end(settings):
        number = len(course.epochs) + 1
        started = time.monotonic()
        train_loss = _train_epoch(trained, optimizer, batches, settings, number)
        optimizer.settle()
        seconds = time.monotonic() - started
        with optimizer.average.in_place():
            logloss, auc = from_leader(lambda: validate(predict(model, held_out)))
            if not math.isfinite(logloss):
                raise TrainingError(
                    f"the held-out log loss of epoch {number} is {logloss}: lower --learning-rate "
                    f"({settings.learning_rate:g})"
                )
            course.epochs.append(Epoch(number, train_loss, logloss, auc, seconds))
            if best_epoch(course.epochs, settings.stop_on) is course.epochs[-1]:
                course.best_weights = copy.deepcopy(model.state_dict())
        if is_leader():
            checkpoint.save(_state(model, optimizer, course))
        say_epoch(course.epochs[-1], settings, batches.rows)
    best = best_epoch(course.epochs, settings.stop_on)
    require_converged(best, settings)
    say(f"epoch {best.number} is the best: {course.end(settings)}")
    model.load_state_dict(course.best_weights)
    model.cpu()
    return course.epochs


def fit_epochs(model: RowModel, batches: Batches, epochs: int, settings: LoopSettings, checkpoint: Checkpoint) -> None:
    """Train a model in place for a number of epochs that is already chosen, and leave it on the CPU.

    A resumed run gives the same result, as with `fit`. Raises TrainingError if a loss is not finite.
    """
    settings = replace(settings, epochs=epochs)
    model.to(settings.device)
    optimizer = ModelOptimizer(model, settings)
    resumed = _restored(model, optimizer, checkpoint)
    done = resumed["epochs"] if resumed else 0
    trained = sharing_gradients(compiled(model) if settings.compile else model, optimizer.deferred)
    for number in range(done + 1, epochs + 1):
        started = time.monotonic()
        train_loss = _train_epoch(trained, optimizer, batches, settings, number)
        optimizer.settle()
        if is_leader():
            checkpoint.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epochs": number})
        rate = batches.rows / (time.monotonic() - started)
        say(f"all training days, epoch {number}/{epochs}: loss {train_loss:.5f}, {rate:,.0f} rows/s")
    optimizer.average.keep()
    model.cpu()


def _train_epoch(
    model: nn.Module, optimizer: ModelOptimizer, batches: Batches, settings: LoopSettings, number: int
) -> float:
    model.train()
    seed = settings.seed * 1_000_003 + number
    torch.manual_seed(seed + (rank() << 53))  # dropout differs between processes; `seed` has 53 bits
    device, steps = settings.device, math.ceil(batches.rows / settings.batch_size)
    scene_weights = torch.tensor(settings.scene_weights, device=device) if settings.scene_weights else None
    source = batches.epoch(torch.Generator().manual_seed(seed))
    losses = EpochLosses(settings, number, steps)
    for next_batch in bar(source, steps, f"epoch {number}/{settings.epochs}"):
        batch = next_batch.to(device)
        with training_precision(device):
            total, weight = _summed_loss(model(batch), batch, scene_weights)
        own = torch.stack([total.detach(), weight, torch.full_like(weight, len(batch))])
        mean_total, mean_weight, mean_rows = averaged(own)
        losses.add(mean_total / mean_weight, mean_rows * count(), batch)
        # The average of the processes' gradients is then the gradient of the mean over all rows.
        loss = total / mean_weight
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses.mean(batches.rows)


def _summed_loss(logits: Tensor, batch: Rows, scene_weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the sum of the rows' weighted cross entropies, and the sum of their weights. Without weights each is 1."""
    weights = torch.ones_like(batch.label) if scene_weights is None else scene_weights[batch.scene]
    return binary_cross_entropy_with_logits(logits, batch.label, weights, reduction="sum"), weights.sum()


def _state(model: nn.Module, optimizer: ModelOptimizer, course: Course) -> dict[str, Any]:
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epochs": [asdict(epoch) for epoch in course.epochs],
        "best_weights": course.best_weights,
    }


def _resume(model: nn.Module, optimizer: ModelOptimizer, checkpoint: Checkpoint) -> Course:
    state = _restored(model, optimizer, checkpoint)
    if state is None:
        return Course()
    try:
        course = Course([Epoch(**fields) for fields in state["epochs"]], state["best_weights"])
    except (KeyError, TypeError) as error:
        raise checkpoint.unusable() from error
    say(f"resumed after epoch {len(course.epochs)}")
    return course


def _restored(model: nn.Module, optimizer: ModelOptimizer, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """Load the checkpoint, if there is one, and restore the model and the optimizer from it. Returns what it holds."""
    state = from_leader(checkpoint.load)
    if state is not None:
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:  # RuntimeError: weights of another model
            raise checkpoint.unusable() from error
    return state
