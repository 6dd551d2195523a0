"""Find a few ids among very many."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ABSENT = -1
_AT_ONCE = 8_192  # ids: other threads wait while they are turned into Python's strings


class IdPositions:
    """The positions of n distinct ids, by a hash of each: 16 bytes for an id, beside the array of ids itself."""

    def __init__(self, known: pa.Array) -> None:
        self.known = known
        for salt in count():
            hashes = np.empty(len(known), dtype=np.int64)
            for start in range(0, len(known), _AT_ONCE):
                hashes[start : start + _AT_ONCE] = _hashes(known.slice(start, _AT_ONCE).to_pylist(), salt)
            self._order = np.argsort(hashes)
            self._hashes, self._salt = hashes[self._order], salt
            if (np.diff(self._hashes) != 0).all():
                break

    def of(self, ids: Sequence[str]) -> np.ndarray:
        """Return the position of each id, or ABSENT, int64 [k]."""
        if not len(self.known) or not len(ids):
            return np.full(len(ids), ABSENT)
        found = np.searchsorted(self._hashes, _hashes(ids, self._salt))
        positions = self._order[np.minimum(found, len(self.known) - 1)]
        same = pc.equal(self.known.take(pa.array(positions)), pa.array(ids, self.known.type))
        return np.where(same.to_numpy(zero_copy_only=False), positions, ABSENT)


def _hashes(ids: Sequence[str], salt: int) -> np.ndarray:
    # Python hashes the strings of a process alike, and those of another process in another way.
    keys = ids if salt == 0 else [(salt, text) for text in ids]
    return np.fromiter(map(hash, keys), np.int64, len(ids))
