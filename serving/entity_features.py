"""The features of users or of items in memory, found by id."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from serving.feature_rows import unpacked
from training.data.id_positions import ABSENT, IdPositions


class EntityFeatures:
    """The features of n users or items. ids: distinct, [n]. rows: their packed features, [n]."""

    def __init__(self, ids: pa.Array, rows: np.ndarray) -> None:
        """rows: followed by a row of zeros, which is at ABSENT, [n + 1]."""
        self.ids, self._rows = ids, rows
        self.rows = rows[:ABSENT]
        self._positions = IdPositions(ids)

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each id, or ABSENT, int64 [k]."""
        return self._positions.of(ids)

    def at(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Return the features in these rows, each [k], by name. They are 0 where the position is ABSENT."""
        return unpacked(self._rows[positions])
