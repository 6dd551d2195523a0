"""Rows as tensors: a whole window or one batch of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.features import FeatureSpace
from training.data.reading import count_rows, read_dates
from training.text.row_texts import RowTexts
from warehouse.catalog import Catalog

USER, ITEM, SCENE = 0, 1, 2  # where FeatureSpace puts them


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

    def take(self, index: Tensor) -> "Rows":
        """The rows at the given positions, copied."""
        return self._each(lambda part: part[index])

    def slice(self, start: int, stop: int) -> "Rows":
        """Consecutive rows, as views."""
        return self._each(lambda part: part[start:stop])

    def _each(self, chosen: Callable[[Tensor], Tensor]) -> "Rows":
        text = None if self.text is None else chosen(self.text)
        return Rows(chosen(self.categorical), chosen(self.numeric), chosen(self.label), text)


def load_rows(catalog: Catalog, dates: Sequence[str], space: FeatureSpace, texts: RowTexts | None = None) -> Rows:
    """All rows of the dates in contiguous tensors, in read_dates' order; one date at a time is decoded beside them."""
    total = sum(count_rows(catalog, date) for date in dates)
    rows = Rows(
        categorical=torch.empty((total, len(space.categorical_sizes)), dtype=torch.int64),
        numeric=torch.empty((total, space.numeric_size), dtype=torch.float32),
        label=torch.empty(total, dtype=torch.float32),
        text=torch.empty((total, texts.per_row), dtype=torch.int64) if texts else None,
    )
    start = 0
    for table in read_dates(catalog, dates, (*space.columns, *(texts.columns if texts else ()))):
        part = rows.slice(start, start + len(table))
        part.categorical.copy_(torch.from_numpy(space.categorical(table)))
        part.numeric.copy_(torch.from_numpy(space.numeric(table)))
        part.label.copy_(torch.from_numpy(table["label"].to_numpy().astype(np.float32)))
        if texts and part.text is not None:
            part.text.copy_(torch.from_numpy(texts.index(table)))
        start += len(table)
    return rows
