"""Embeddings kept by the hash of their text, so that a rerun embeds only what is new."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.progress import say

_KEY_BYTES = 16


class EmbeddingCache:
    """One encoder's embeddings: a Parquet file a finished batch, with the texts' hashes and vectors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, keys: pa.Array, into: np.ndarray) -> np.ndarray:
        """Copies what is kept into its rows of `into` [n, D]; which rows were found, bool [n]."""
        found = np.zeros(len(keys), dtype=bool)
        kept = {file: self._column(file, "key", keys.type) for file in sorted(self._folder.glob("*.parquet"))}
        # All files at once: each call indexes all keys.
        places, start = pc.index_in(pa.chunked_array(kept.values(), keys.type), value_set=keys), 0
        for file, kept_in_file in kept.items():
            of_file = places.slice(start, len(kept_in_file)).combine_chunks()
            start += len(kept_in_file)
            wanted = of_file.is_valid().to_numpy(zero_copy_only=False)
            if not wanted.any():
                continue
            vectors = self._column(file, "vector", pa.list_(pa.float32(), into.shape[1]))
            if len(vectors) == len(wanted):
                rows = of_file.drop_null().to_numpy()
                into[rows] = vectors.flatten().to_numpy().reshape(len(wanted), -1)[wanted]
                found[rows] = True
        return found

    def _column(self, file: Path, name: str, kind: pa.DataType) -> pa.Array:
        """A column of a file, empty where the file is damaged: it is removed, and its texts are embedded anew."""
        try:
            column = pq.read_table(file, columns=[name], page_checksum_verification=True)[name].combine_chunks()
            if column.type == kind:
                return column
            reason = f"{name} is {column.type}, not {kind}"
        except (pa.ArrowException, OSError, KeyError) as error:
            reason = str(error).splitlines()[0]
        say(f"{file} is damaged ({reason}): its texts are embedded anew")
        file.unlink(missing_ok=True)
        return pa.array([], kind)

    def add(self, keys: pa.Array, vectors: np.ndarray) -> None:
        """Keeps a batch, in one step. vectors: [n, D] float32."""
        self._folder.mkdir(parents=True, exist_ok=True)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        name = hashlib.sha256(keys.buffers()[1]).hexdigest()[:_KEY_BYTES]
        unfinished = self._folder / f".{name}-{os.getpid()}"
        pq.write_table(
            pa.table({"key": keys, "vector": column}), unfinished, compression="none", write_page_checksum=True
        )
        unfinished.replace(self._folder / f"{name}.parquet")


def text_keys(texts: pa.Array) -> pa.Array:
    """The texts' hashes, 16 bytes each."""
    hashes = [hashlib.sha256(text.as_buffer()).digest()[:_KEY_BYTES] for text in texts]
    return pa.array(hashes, pa.binary(_KEY_BYTES))
