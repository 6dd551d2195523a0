"""Rows as tensors: a whole window or one batch of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from training.data.features import FeatureSpace
from training.data.numeric import FEATURE_NAMES
from training.data.reading import count_rows, read_dates
from training.data.row_texts import RowTexts
from warehouse.catalog import Catalog
from warehouse.tables import DEEP_FEATURES

USER, ITEM, SCENE = 0, 1, 2  # where FeatureSpace puts them
# Of a row, at most: indexes of categorical features and two texts, the numeric block, the label.
BYTES_PER_ROW = 8 * (4 + len(DEEP_FEATURES) + 2) + 4 * len(FEATURE_NAMES) + 4


@dataclass(frozen=True)
class Rows:
    """n impressions. categorical: [n, C] int64 indexes, numeric: [n, N] float32, label: [n] float32.

    text: [n, T] int64 indexes of the rows' texts; None for a model that sees none.
    """

    categorical: Tensor
    numeric: Tensor
    label: Tensor
    text: Tensor | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def scene(self) -> Tensor:
        """Positions in the scenes known, int64 [n]."""
        return self.categorical[:, SCENE]

    @property
    def bytes(self) -> int:
        """What the tensors take."""
        return sum(part.nbytes for part in self._parts())

    def to(self, device: str) -> "Rows":
        """The same rows there. On their way from the CPU to a GPU the next work does not wait for them."""
        if self.label.device.type == device:
            return self
        return self._each(lambda part: part.pin_memory().to(device, non_blocking=True))

    def take(self, index: Tensor) -> "Rows":
        """The rows at the given positions, copied. index: on the CPU."""
        index = index.to(self.label.device)
        return self._each(lambda part: part.index_select(0, index))

    def slice(self, start: int, stop: int) -> "Rows":
        """Consecutive rows, as views."""
        return self._each(lambda part: part[start:stop])

    def copy_from(self, rows: "Rows") -> None:
        """Overwrites these rows by as many others."""
        for own, other in zip(self._parts(), rows._parts(), strict=True):
            own.copy_(other)

    def put(self, index: Tensor, rows: "Rows") -> None:
        """Overwrites the rows at the given positions."""
        for own, other in zip(self._parts(), rows._parts(), strict=True):
            own.index_copy_(0, index, other)

    @staticmethod
    def joined(parts: Sequence["Rows"]) -> "Rows":
        """All parts, one after another."""
        return Rows(*map(torch.cat, zip(*(part._parts() for part in parts), strict=True)))

    def _each(self, chosen: Callable[[Tensor], Tensor]) -> "Rows":
        return Rows(*map(chosen, self._parts()))

    def _parts(self) -> list[Tensor]:
        """The tensors in the order of the fields; text is the last, where there is one."""
        return [part for part in (self.categorical, self.numeric, self.label, self.text) if part is not None]


def encoded(table: pa.Table, space: FeatureSpace, texts: RowTexts | None = None) -> Rows:
    """The rows of a table that holds space.columns and texts.columns."""
    return Rows(
        categorical=torch.from_numpy(space.categorical(table)),
        numeric=torch.from_numpy(space.numeric(table)),
        label=torch.from_numpy(table["label"].to_numpy().astype(np.float32)),
        text=torch.from_numpy(texts.index(table)) if texts else None,
    )


def columns_read(space: FeatureSpace, texts: RowTexts | None = None) -> tuple[str, ...]:
    """What `encoded` needs of a table, beside the keys."""
    return (*space.columns, *(texts.columns if texts else ()))


def empty_rows(total: int, space: FeatureSpace, texts: RowTexts | None = None) -> Rows:
    """Memory for so many rows, in contiguous tensors."""
    return Rows(
        categorical=torch.empty((total, len(space.categorical_sizes)), dtype=torch.int64),
        numeric=torch.empty((total, space.numeric_size), dtype=torch.float32),
        label=torch.empty(total, dtype=torch.float32),
        text=torch.empty((total, texts.per_row), dtype=torch.int64) if texts else None,
    )


def load_rows(catalog: Catalog, dates: Sequence[str], space: FeatureSpace, texts: RowTexts | None = None) -> Rows:
    """All rows of the dates, in read_dates' order; one date at a time is decoded beside them."""
    rows = empty_rows(sum(count_rows(catalog, date) for date in dates), space, texts)
    start = 0
    for table in read_dates(catalog, dates, columns_read(space, texts)):
        rows.slice(start, start + len(table)).copy_from(encoded(table, space, texts))
        start += len(table)
    return rows
