"""Vocabularies: the ids that occur on the training dates, with indexes from 1. All other ids have the index 0."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.data.arrow_columns import codes_and_values
from training.data.id_positions import IdPositions
from training.data.value_index import UNSEEN, ValueIndex

PARTS_AT_ONCE = 32  # vocabularies to collect before merging: those of many pieces repeat the same ids

_SCANNED_WHILE_SEARCHED = 64  # so many known values are hashed in the time of one search


@dataclass(frozen=True)
class Vocabulary(ValueIndex):
    """The distinct values of a column on the training dates, with the number of impressions of each.

    Values of a vocabulary that was merged or loaded are sorted. least: values with fewer impressions share the index of
    unseen ones.
    """

    impressions: np.ndarray
    least: int = field(default=1, kw_only=True)

    @staticmethod
    def merged(parts: Sequence["Vocabulary"]) -> "Vocabulary":
        """Merge vocabularies. Values are sorted, so their indexes do not depend on the order of rows."""
        by_value = pa.concat_tables(part._table() for part in parts).group_by("value")
        summed = by_value.aggregate([("impressions", "sum")]).rename_columns({"impressions_sum": "impressions"})
        return Vocabulary._from_table(summed.sort_by("value"))

    @staticmethod
    def of(column: pa.ChunkedArray) -> "Vocabulary":
        """Build the vocabulary of a dictionary-encoded column, without null."""
        codes, values = codes_and_values(column)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        return Vocabulary(values.filter(pa.array(counts > 0)), counts[counts > 0])

    @staticmethod
    def load(path: Path) -> "Vocabulary":
        return Vocabulary._from_table(pq.read_table(path))

    def save(self, path: Path) -> None:
        """Write the columns value and impressions as Parquet, in index order."""
        pq.write_table(self._table(), path, compression="zstd")

    @property
    def size(self) -> int:
        """The number of indexes, including UNSEEN."""
        return 1 + int((self.impressions >= self.least).sum())

    def looked_up(self, distinct: pa.Array) -> np.ndarray:
        """Return the index of each distinct value, followed by UNSEEN, which the code -1 for null selects."""
        return self._indexes_of_values[super().looked_up(distinct)]

    @cached_property
    def _indexes_of_values(self) -> np.ndarray:
        frequent = self.impressions >= self.least
        return np.append(UNSEEN, np.where(frequent, np.cumsum(frequent), UNSEEN))

    def impressions_at(self, index: np.ndarray) -> np.ndarray:
        """Return the number of impressions on the training dates of the value at each index; 0 for UNSEEN."""
        return np.append(0, self.impressions[self.impressions >= self.least])[index]

    def impressions_of(self, column: pa.ChunkedArray) -> np.ndarray:
        """Return how many impressions each value of a dictionary-encoded column has on the training dates, [n]."""
        codes, distinct = codes_and_values(column)
        position = np.append(self._positions(distinct), -1)[codes]
        return np.append(self.impressions, 0)[position]

    def _positions(self, distinct: pa.Array) -> np.ndarray:
        if len(distinct) * _SCANNED_WHILE_SEARCHED > len(self.values):
            return super()._positions(distinct)
        return self._by_id.of(distinct.to_pylist())

    @cached_property
    def _by_id(self) -> IdPositions:
        return IdPositions(self.values)

    def _table(self) -> pa.Table:
        return pa.table({"value": self.values, "impressions": pa.array(self.impressions, pa.int64())})

    @staticmethod
    def _from_table(table: pa.Table) -> "Vocabulary":
        return Vocabulary(table["value"].combine_chunks(), table["impressions"].to_numpy())
