"""Map the values of a column to indexes of known values."""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.arrow_columns import codes_and_values

UNSEEN = 0
_REMEMBERED = 4  # dictionaries: more than the row groups that are read side by side


@dataclass(frozen=True)
class ValueIndex:
    """Known distinct values, with indexes from 1. Null and all other values have the index UNSEEN, 0."""

    values: pa.Array

    @property
    def size(self) -> int:
        """The number of indexes, including UNSEEN."""
        return len(self.values) + 1

    def index(self, column: pa.ChunkedArray) -> np.ndarray:
        """Return the index of each value of a dictionary-encoded column, int64 [n]."""
        codes, distinct = codes_and_values(column)
        return self._indexes(distinct)[codes]

    def _indexes(self, distinct: pa.Array) -> np.ndarray:
        """Return what `looked_up` does. The pieces of a row group share a dictionary, which is looked up only once."""
        for dictionary, indexes in tuple(self._remembered):  # a copy, as another thread may add one meanwhile
            if dictionary.equals(distinct):
                return indexes
        indexes = self.looked_up(distinct)
        self._remembered.append((distinct, indexes))
        return indexes

    def looked_up(self, distinct: pa.Array) -> np.ndarray:
        """Return the index of each distinct value, followed by UNSEEN, which the code -1 for null selects."""
        return np.append(self._positions(distinct) + 1, UNSEEN)

    def _positions(self, distinct: pa.Array) -> np.ndarray:
        """Return the position of each distinct value among the known ones, or -1 if it is not there, int64 [n]."""
        return _positions_among(self.values, distinct)

    @cached_property
    def _remembered(self) -> deque[tuple[pa.Array, np.ndarray]]:
        return deque(maxlen=_REMEMBERED)


def _positions_among(known: pa.Array, values: pa.Array) -> np.ndarray:
    """Return the position of each value in `known`, or -1 if it is not there, int64 [n]. Both are distinct."""
    if len(values) < len(known):  # hashing the shorter side is twice as fast, if all its values are known
        positions = np.full(len(values), -1, dtype=np.int64)
        found = _first_positions(known, values)
        matches = np.flatnonzero(found >= 0)
        positions[found[matches]] = matches
        if (positions >= 0).all():
            return positions
    return _first_positions(values, known).astype(np.int64)


def _first_positions(values: pa.Array, known: pa.Array) -> np.ndarray:
    """Return the first position of each value in `known`, or -1 if it is not there, int32 [n]."""
    return pc.fill_null(pc.index_in(values, value_set=known), -1).to_numpy(zero_copy_only=False)
