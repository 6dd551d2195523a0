"""From distinct texts to embeddings, each text once."""

import time
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.progress import bar, say
from training.text.cache import EmbeddingCache, text_keys

_BATCH = 1024  # texts: what a killed run loses


class Encoder(Protocol):
    """What turns texts into vectors. `key` hashes all that decides them."""

    @property
    def name(self) -> str:
        """As the user calls it."""

    @property
    def key(self) -> str:
        """Changes with everything that changes an embedding."""

    @property
    def size(self) -> int:
        """Dimensions of an embedding, D."""

    def encode(self, texts: pa.Array) -> np.ndarray:
        """[n, D] float32."""


def embed(texts: pa.Array, encoder: Encoder, cache: EmbeddingCache | None = None) -> np.ndarray:
    """The texts' embeddings [n, D] float32, from the cache, if there is one, or else computed and kept there."""
    started = time.monotonic()
    embeddings = np.empty((len(texts), encoder.size), dtype=np.float32)
    keys = text_keys(texts)
    missing = np.arange(len(texts)) if cache is None else np.flatnonzero(~cache.read(keys, into=embeddings))
    # Texts of one length make a batch without padding; the longest first, so that memory runs out at once or never.
    lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)[missing]
    longest_first = missing[np.argsort(-lengths.astype(np.int64), kind="stable")]
    batches = [longest_first[start : start + _BATCH] for start in range(0, len(missing), _BATCH)]
    for rows in bar(batches, len(batches), f"embedding with {encoder.name}"):
        vectors = encoder.encode(texts.take(pa.array(rows)))
        if cache:
            cache.add(keys.take(pa.array(rows)), vectors)
        embeddings[rows] = vectors
    rate = len(missing) / (time.monotonic() - started)
    kept = len(texts) - len(missing)
    say(f"{encoder.name}: {len(missing):,} texts embedded ({rate:,.0f} texts/s), {kept:,} taken from the cache")
    return embeddings
