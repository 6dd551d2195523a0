"""A cache of text embeddings, so that a rerun embeds only new texts. Embeddings are found by the hash of the text."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.progress import say
from training.unfinished_name import unfinished_name
from warehouse.errors import first_line

_KEY_BYTES = 16


class EmbeddingCache:
    """The cached embeddings of one encoder. Each batch is a Parquet file of vectors and hashes of their texts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, keys: pa.Array, into: np.ndarray) -> np.ndarray:
        """Copy cached embeddings to `into` [n, D]. Returns which of the n keys were found, bool [n]."""
        found = np.zeros(len(keys), dtype=bool)
        keys_by_file = {file: self._column(file, "key", keys.type) for file in sorted(self._folder.glob("*.parquet"))}
        # One call for all files, since every call builds a hash table of all keys.
        positions, start = pc.index_in(pa.chunked_array(keys_by_file.values(), keys.type), value_set=keys), 0
        for file, file_keys in keys_by_file.items():
            file_positions = positions.slice(start, len(file_keys)).combine_chunks()
            start += len(file_keys)
            wanted = file_positions.is_valid().to_numpy(zero_copy_only=False)
            if not wanted.any():
                continue
            vectors = self._column(file, "vector", pa.list_(pa.float32(), into.shape[1]))
            if len(vectors) == len(wanted):
                rows = file_positions.drop_null().to_numpy()
                into[rows] = vectors.flatten().to_numpy().reshape(len(wanted), -1)[wanted]
                found[rows] = True
        return found

    def _column(self, file: Path, name: str, kind: pa.DataType) -> pa.Array:
        """Read a column of a file. If the file is damaged, remove it and return an empty column."""
        try:
            column = pq.read_table(file, columns=[name], page_checksum_verification=True)[name].combine_chunks()
            if column.type == kind:
                return column
            reason = f"{name} is {column.type}, not {kind}"
        except (pa.ArrowException, OSError, KeyError) as error:
            reason = first_line(error)
        say(f"{file} is damaged ({reason}): its texts are embedded again")
        file.unlink(missing_ok=True)
        return pa.array([], kind)

    def add(self, keys: pa.Array, vectors: np.ndarray) -> None:
        """Write the embeddings of a batch to a new file, atomically. vectors: [n, D] float32."""
        self._folder.mkdir(parents=True, exist_ok=True)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        file = self._folder / f"{hashlib.sha256(keys.buffers()[1]).hexdigest()[:_KEY_BYTES]}.parquet"
        unfinished = unfinished_name(file)
        pq.write_table(
            pa.table({"key": keys, "vector": column}), unfinished, compression="none", write_page_checksum=True
        )
        unfinished.replace(file)


def text_keys(texts: pa.Array) -> pa.Array:
    """Return a hash of each text, 16 bytes long."""
    hashes = [hashlib.sha256(text.as_buffer()).digest()[:_KEY_BYTES] for text in texts]
    return pa.array(hashes, pa.binary(_KEY_BYTES))
