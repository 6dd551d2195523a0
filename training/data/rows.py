"""Rows of a training table as tensors: all of them, or a batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

USER, ITEM, SCENE, HOUR = 0, 1, 2, 3  # their columns among the categorical features
AGE, HISTORY_SCENE, CLICKED = 0, 1, 2  # their places among the facts of an impression in a history


@dataclass(frozen=True)
class Rows:
    """The features and labels of n impressions.

    categorical: [n, I] int64 indexes, one for each feature, or several if it is a list. numeric: [n, N] float32.
    label: [n] float32.

    text: [n, T] int64 indexes of the rows' texts; None for a model that reads no texts.

    history_items: [n, L] int32 indexes of the items that the user was shown last, oldest first. history_facts:
    [n, L, 3] uint8, the AGE, HISTORY_SCENE and CLICKED of each of these impressions; the AGE of an empty place is 0.
    Both are None for a model that attends to no history.
    """

    categorical: Tensor
    numeric: Tensor
    label: Tensor
    text: Tensor | None = None
    history_items: Tensor | None = None
    history_facts: Tensor | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def scene(self) -> Tensor:
        """The scene of each row as its position in SCENES, int64 [n]."""
        return self.categorical[:, SCENE]

    @property
    def bytes(self) -> int:
        """The size of all tensors in bytes."""
        return sum(part.nbytes for part in self._parts().values())

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
        others = rows._parts()
        for name, own in self._parts().items():
            own.copy_(others[name])

    def put(self, index: Tensor, rows: "Rows") -> None:
        """Overwrite the rows at the given positions."""
        others = rows._parts()
        for name, own in self._parts().items():
            own.index_copy_(0, index, others[name])

    @staticmethod
    def joined(parts: Sequence["Rows"]) -> "Rows":
        tensors = [part._parts() for part in parts]
        return Rows(**{name: torch.cat([of_part[name] for of_part in tensors]) for name in tensors[0]})

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Rows":
        return Rows(**{name: change(part) for name, part in self._parts().items()})

    def _parts(self) -> dict[str, Tensor]:
        """The tensors that are there, by field."""
        return {field.name: part for field in fields(self) if (part := getattr(self, field.name)) is not None}
