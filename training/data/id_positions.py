"""Find a few ids among very many."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.errors import TrainingError

ABSENT = -1
_AT_ONCE = 8_192  # ids: other threads wait while they are turned into Python's strings


class IdPositions:
    """The positions of n distinct ids, by a hash of each: 16 bytes for an id, beside the array of ids itself."""

    def __init__(self, known: pa.Array) -> None:
        """known: the ids. Raises TrainingError if one of them occurs twice."""
        self.known = known
        for salt in count():
            hashes = np.empty(len(known), dtype=np.int64)
            for start in range(0, len(known), _AT_ONCE):
                hashes[start : start + _AT_ONCE] = _hashes(known.slice(start, _AT_ONCE).to_pylist(), salt)
            self._order = np.argsort(hashes)
            self._hashes, self._salt = hashes[self._order], salt
            alike = np.flatnonzero(np.diff(self._hashes) == 0)
            if not len(alike):
                break
            _require_different(*(known.take(pa.array(self._order[at])) for at in (alike, alike + 1)))

    def of(self, ids: Sequence[str]) -> np.ndarray:
        """Return the position of each id, or ABSENT, int64 [k]."""
        if not len(self.known) or not len(ids):
            return np.full(len(ids), ABSENT)
        found = np.searchsorted(self._hashes, _hashes(ids, self._salt))
        positions = self._order[np.minimum(found, len(self.known) - 1)]
        same = pc.equal(self.known.take(pa.array(positions)), pa.array(ids, self.known.type))
        return np.where(same.to_numpy(zero_copy_only=False), positions, ABSENT)


def _require_different(ids: pa.Array, others: pa.Array) -> None:
    """Ids with the same hash may be different, and another salt tells them apart. The same id would never be."""
    repeated = ids.filter(pc.equal(ids, others).fill_null(True))
    if len(repeated):
        raise TrainingError(
            f"the id {repeated[0].as_py()!r} occurs more than once, but each must be there once: make the table or "
            "the model that it comes from again"
        )


def _hashes(ids: Sequence[str], salt: int) -> np.ndarray:
    # Python hashes the strings of a process alike, and those of another process in another way.
    keys = ids if salt == 0 else [(salt, text) for text in ids]
    return np.fromiter(map(hash, keys), np.int64, len(ids))
