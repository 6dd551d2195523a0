"""Rows of a training table as tensors: all of them, or a batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

USER, ITEM, SCENE, HOUR = 0, 1, 2, 3  # their columns among the categorical features


@dataclass(frozen=True)
class Rows:
    """The features and labels of n impressions.

    categorical: [n, I] int64 indexes, one for each feature, or several if it is a list. numeric: [n, N] float32.
    label: [n] float32.

    text: [n, T] int64 indexes of the rows' texts; None for a model that reads no texts.
    """

    categorical: Tensor
    numeric: Tensor
    label: Tensor
    text: Tensor | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def scene(self) -> Tensor:
        """The scene of each row as its position in SCENES, int64 [n]."""
        return self.categorical[:, SCENE]

    @property
    def bytes(self) -> int:
        """The size of all tensors in bytes."""
        return sum(part.nbytes for part in self._parts())

    def to(self, device: str) -> "Rows":
        """Copy the rows to a device. Copies from the CPU to a GPU are asynchronous."""
        if self.label.device.type == device:
            return self
        return self._each(lambda part: part.pin_memory().to(device, non_blocking=True))

    def take(self, index: Tensor) -> "Rows":
        """Return a copy of the rows at the given positions. index: [m], on the CPU."""
        index = index.to(self.label.device)
        return self._each(lambda part: part.index_select(0, index))

    def slice(self, start: int, stop: int) -> "Rows":
        """Return the rows from start to stop, as views."""
        return self._each(lambda part: part[start:stop])

    def copy_from(self, rows: "Rows") -> None:
        """Overwrite these rows with as many others."""
        for own, other in zip(self._parts(), rows._parts(), strict=True):
            own.copy_(other)

    def put(self, index: Tensor, rows: "Rows") -> None:
        """Overwrite the rows at the given positions."""
        for own, other in zip(self._parts(), rows._parts(), strict=True):
            own.index_copy_(0, index, other)

    @staticmethod
    def joined(parts: Sequence["Rows"]) -> "Rows":
        return Rows(*map(torch.cat, zip(*(part._parts() for part in parts), strict=True)))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Rows":
        return Rows(*map(change, self._parts()))

    def _parts(self) -> list[Tensor]:
        """The tensors in the order of the fields. The last one, text, may be missing."""
        return [part for part in (self.categorical, self.numeric, self.label, self.text) if part is not None]
