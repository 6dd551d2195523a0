"""The features of users or of items in memory, found by id."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.id_positions import ABSENT, IdPositions

_WHOLE, _REAL = np.dtype(np.int64), np.dtype(np.float64)


class EntityFeatures:
    """The features of n users or items. ids: of the rows, [n]."""

    def __init__(self, rows: pa.Table, key: str) -> None:
        """Take the rows of a table of features, in any order, with distinct ids in the column `key`."""
        self.ids: pa.Array = rows[key].combine_chunks()
        self._positions = IdPositions(self.ids)
        types = {field.name: np.dtype(field.type.to_pandas_dtype()) for field in rows.schema if field.name != key}
        by_type = {kind: [name for name, own in types.items() if own == kind] for kind in (_WHOLE, _REAL)}
        self._blocks = [(names, _block(rows, names, kind)) for kind, names in by_type.items()]

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Sequence[str]) -> np.ndarray:
        """Return the row of each id, or ABSENT, int64 [k]."""
        return self._positions.of(ids)

    def at(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Return the features in these rows, each [k], by name. They are 0 where the position is ABSENT."""
        features: dict[str, np.ndarray] = {}
        for names, block in self._blocks:
            features |= zip(names, block[positions].T, strict=True)
        return features


def _block(rows: pa.Table, names: Sequence[str], kind: np.dtype) -> np.ndarray:
    """Return columns as an array [n + 1, C]: a row's features lie together. The last row, at ABSENT, is zeros."""
    block = np.zeros((len(rows) + 1, len(names)), dtype=kind)
    for number, name in enumerate(names):
        block[:ABSENT, number] = pc.fill_null(rows[name], 0).to_numpy()
    return block
