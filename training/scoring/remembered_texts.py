"""The whitened embeddings of texts, remembered, because the same items are scored again and again."""

from threading import Lock

import numpy as np
import pyarrow as pa

from training.text.text_space import TextSpace, whitened_table

_MOST = 2**16  # texts: their embeddings take at most 32 MB


class RememberedTexts:
    """Embeds and whitens texts, each only once. Several threads may use it."""

    def __init__(self, space: TextSpace) -> None:
        self.mode = space.mode
        self._space = space
        self._vectors = np.empty((_MOST, space.whitening.size), dtype=np.float32)
        self._places: dict[str, int] = {}
        self._lock = Lock()

    def table(self, texts: pa.Array) -> np.ndarray:
        """Return the vectors of n texts as a table [1 + n, K] float32. Its first row, for no text, is zeros."""
        table = np.zeros((1 + len(texts), self._vectors.shape[1]), dtype=np.float32)
        listed = texts.to_pylist()
        for start in range(0, len(listed), _MOST):
            part = listed[start : start + _MOST]
            with self._lock:
                self._remember(part)
                table[1 + start : 1 + start + len(part)] = self._vectors[[self._places[text] for text in part]]
        return table

    def _remember(self, texts: list[str]) -> None:
        new = list(dict.fromkeys(text for text in texts if text not in self._places))
        if len(self._places) + len(new) > _MOST:
            self._places.clear()
            new = list(dict.fromkeys(texts))
        if new:
            first, after = len(self._places), len(self._places) + len(new)
            embeddings = self._space.encoder.encode(pa.array(new, pa.string()))
            self._vectors[first:after] = whitened_table(self._space.whitening, embeddings)[1:]
            self._places.update(zip(new, range(first, after), strict=True))
