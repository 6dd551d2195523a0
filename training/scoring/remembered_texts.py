"""The whitened embeddings of texts, remembered, because the same items are scored again and again."""

from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.text.text_space import TextSpace, whitened_table

# Texts to remember. With 64 dimensions, embeddings take 16 MB. Texts take up to 2 kB each in Chinese, usually 0.1 kB.
_MOST, _LONGEST = 2**16, 1_000  # texts, characters


class RememberedTexts:
    """Embeds and whitens texts, each only once, except long ones. Several threads may use it."""

    def __init__(self, space: TextSpace) -> None:
        self.mode = space.mode
        self._space = space
        self._vectors = np.empty((_MOST, space.whitening.size), dtype=np.float32)
        self._places: dict[str, int] = {}
        self._lock = Lock()

    def table(self, texts: pa.Array) -> np.ndarray:
        """Return the vectors of n texts as a table [1 + n, K] float32. Its first row, for no text, is zeros."""
        table = np.zeros((1 + len(texts), self._vectors.shape[1]), dtype=np.float32)
        is_long = pc.greater(pc.utf8_length(texts), _LONGEST).to_numpy(zero_copy_only=False)
        long, short = 1 + np.flatnonzero(is_long), 1 + np.flatnonzero(~is_long)
        if len(long):
            with self._lock:
                table[long] = self._whitened(texts.filter(pa.array(is_long)).to_pylist())
        listed = texts.filter(pa.array(~is_long)).to_pylist()
        for start in range(0, len(listed), _MOST):
            part = listed[start : start + _MOST]
            with self._lock:
                self._remember(part)
                table[short[start : start + _MOST]] = self._vectors[[self._places[text] for text in part]]
        return table

    def _remember(self, texts: list[str]) -> None:
        new = list(dict.fromkeys(text for text in texts if text not in self._places))
        if len(self._places) + len(new) > _MOST:
            self._places.clear()
            new = list(dict.fromkeys(texts))
        if new:
            first, after = len(self._places), len(self._places) + len(new)
            self._vectors[first:after] = self._whitened(new)
            self._places.update(zip(new, range(first, after), strict=True))

    def _whitened(self, texts: list[str]) -> np.ndarray:
        embeddings = self._space.encoder.encode(pa.array(texts, pa.string()))
        return whitened_table(self._space.whitening, embeddings)[1:]
