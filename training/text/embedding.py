"""Embed distinct texts with an encoder, or take their embeddings from the cache."""

import time
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.progress import bar, say
from training.text.cache import EmbeddingCache, text_keys

_BATCH = 1024  # texts per file of the cache, and so the most that a killed run loses


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """The name of the encoder, as the user gave it."""

    @property
    def key(self) -> str:
        """A hash of everything that affects the embeddings."""

    @property
    def size(self) -> int:
        """The number of dimensions of an embedding, D."""

    def encode(self, texts: pa.Array) -> np.ndarray:
        """Return the texts' embeddings, [n, D] float32."""


def embed(texts: pa.Array, encoder: Encoder, cache: EmbeddingCache | None = None) -> np.ndarray:
    """Return the embeddings of the texts, [n, D] float32. Those not in the cache are computed, and added to it."""
    started = time.monotonic()
    embeddings = np.empty((len(texts), encoder.size), dtype=np.float32)
    keys = text_keys(texts)
    missing = np.arange(len(texts)) if cache is None else np.flatnonzero(~cache.read(keys, into=embeddings))
    # Texts of similar length need little padding. The longest come first: if memory runs out, it does so at once.
    lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)[missing]
    longest_first = missing[np.argsort(-lengths.astype(np.int64), kind="stable")]
    batches = [longest_first[start : start + _BATCH] for start in range(0, len(missing), _BATCH)]
    for rows in bar(batches, len(batches), f"embedding with {encoder.name}"):
        vectors = encoder.encode(texts.take(pa.array(rows)))
        if cache:
            cache.add(keys.take(pa.array(rows)), vectors)
        embeddings[rows] = vectors
    rate = len(missing) / (time.monotonic() - started)
    cached = len(texts) - len(missing)
    embedded = f"{len(missing):,} texts embedded ({rate:,.0f} texts/s)" if len(missing) else "no text embedded"
    say(f"{encoder.name}: {embedded}, {cached:,} taken from the cache")
    return embeddings
