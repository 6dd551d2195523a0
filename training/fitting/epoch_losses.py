"""Average the losses of an epoch's batches, and stop the training if a loss is not finite."""

import math

import torch
from torch import Tensor

from training.data.rows import Rows
from training.errors import TrainingError
from training.fitting.loop_settings import LoopSettings

_READ_EVERY = {"cpu": 1, "cuda": 32}  # steps: a GPU idles while a loss is read


class EpochLosses:
    """Collects the mean losses of an epoch's batches, in order. Raises TrainingError if a loss is not finite.

    If several processes train, all of them get the losses over the rows of all, and therefore stop at the same step.
    """

    def __init__(self, settings: LoopSettings, epoch: int, steps: int) -> None:
        self._settings, self._epoch, self._steps = settings, epoch, steps
        self._unread: list[tuple[Tensor, Rows]] = []
        self._read = 0
        self._total = 0.0

    def add(self, loss: Tensor, rows: Tensor, batch: Rows) -> None:
        """Add a batch: its mean loss and number of rows over all processes, and the rows of this process."""
        self._unread.append((torch.stack([loss, rows]), batch))
        if len(self._unread) == _READ_EVERY[self._settings.device]:
            self._read_all()

    def mean(self, rows: int) -> float:
        """Return the mean loss of the epoch. rows: the number of rows of all batches."""
        self._read_all()
        return self._total / rows

    def _read_all(self) -> None:
        values = torch.stack([pair for pair, _ in self._unread]).tolist() if self._unread else []
        for (value, rows), (_, batch) in zip(values, self._unread, strict=True):
            self._read += 1
            if not math.isfinite(value):
                raise TrainingError(self._not_finite(value, batch))
            self._total += value * rows
        self._unread.clear()

    def _not_finite(self, value: float, batch: Rows) -> str:
        kept = f"; the checkpoint of epoch {self._epoch - 1} is kept" if self._epoch > 1 else ""
        largest = batch.numeric.abs().max() if len(batch) else math.nan  # may be empty with several processes
        return (
            f"the loss is {value} in epoch {self._epoch}, batch {self._read} of {self._steps} ({len(batch)} rows, "
            f"{int(batch.label.sum())} clicked, largest numeric feature {largest:g}): lower "
            f"--learning-rate ({self._settings.learning_rate:g}){kept}"
        )
