"""Which index an id has: 1 and up for ids of the training window, 0 for all others."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.data.reading import codes_and_values

UNSEEN = 0
PARTS_AT_ONCE = 32  # to be merged then: those of many pieces hold the same ids again and again
_REMEMBERED = 4  # dictionaries: more than row groups are read side by side


@dataclass(frozen=True)
class Vocabulary:
    """Distinct values of one column in index order (the first has index 1), with their impressions in training."""

    values: pa.Array
    impressions: np.ndarray

    @staticmethod
    def merged(parts: Sequence["Vocabulary"]) -> "Vocabulary":
        """One vocabulary of all parts. Sorted: the indexes do not depend on the order of the rows."""
        table = pa.concat_tables(part._table() for part in parts)
        return Vocabulary._from(table.group_by("value").aggregate([("impressions", "sum")]).sort_by("value"))

    @staticmethod
    def of(column: pa.ChunkedArray) -> "Vocabulary":
        """The distinct values of a dictionary-coded column; nulls are left out."""
        codes, values = codes_and_values(column)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        return Vocabulary(values.filter(pa.array(counts > 0)), counts[counts > 0])

    @staticmethod
    def load(path: Path) -> "Vocabulary":
        """The inverse of save."""
        return Vocabulary._from(pq.read_table(path))

    def save(self, path: Path) -> None:
        """Writes value and impressions as Parquet, in index order."""
        pq.write_table(self._table(), path, compression="zstd")

    @property
    def size(self) -> int:
        """Indexes in use, the one of unseen ids included."""
        return len(self.values) + 1

    def index(self, column: pa.ChunkedArray) -> np.ndarray:
        """The index of every row of a dictionary-coded column, int64 [n]; unseen and null give 0."""
        codes, distinct = codes_and_values(column)
        return self._indexes(distinct)[codes]

    def impressions_at(self, index: np.ndarray) -> np.ndarray:
        """Impressions in the training window of every indexed row; 0 for unseen ids."""
        return np.concatenate(([0], self.impressions))[index]

    def _indexes(self, distinct: pa.Array) -> np.ndarray:
        """The index of each distinct value, and as the last entry what code -1 (null) takes, int64.

        The ids of a row group's pieces share its dictionary, which is looked up once.
        """
        for dictionary, indexes in self._looked_up:
            if dictionary.equals(distinct):
                return indexes
        indexes = np.append(_positions_among(self.values, distinct) + 1, UNSEEN)
        self._looked_up.append((distinct, indexes))
        return indexes

    @cached_property
    def _looked_up(self) -> deque[tuple[pa.Array, np.ndarray]]:
        return deque(maxlen=_REMEMBERED)

    def _table(self) -> pa.Table:
        return pa.table({"value": self.values, "impressions": pa.array(self.impressions, pa.int64())})

    @staticmethod
    def _from(table: pa.Table) -> "Vocabulary":
        counts = next(name for name in table.column_names if name.startswith("impressions"))
        return Vocabulary(table["value"].combine_chunks(), table[counts].to_numpy())


def _positions_among(among: pa.Array, values: pa.Array) -> np.ndarray:
    """The position of each value `among` others that are distinct, UNSEEN - 1 where it is not there: int64 [n]."""
    if len(values) < len(among):  # hashing the fewer is twice as fast, where each of them is found
        positions = np.full(len(values), UNSEEN - 1, dtype=np.int64)
        found = _index_in(among, values)
        there = np.flatnonzero(found >= 0)
        positions[found[there]] = there
        if (positions >= 0).all():
            return positions
    return _index_in(values, among).astype(np.int64)


def _index_in(values: pa.Array, among: pa.Array) -> np.ndarray:
    """The first position of each value `among` others, UNSEEN - 1 where it is not there: int32 [n]."""
    return pc.fill_null(pc.index_in(values, value_set=among), UNSEEN - 1).to_numpy(zero_copy_only=False)
