"""Hash the rows of a table, so that its version depends on its content and not on the order of its rows."""

import hashlib

import numpy as np
import pyarrow as pa

_NULL = np.uint64(0x9E3779B97F4A7C15)  # unlikely to be the bits of a value


def row_hashes(table: pa.Table) -> np.ndarray:
    """Return a hash of each row, uint64 [n]. Their sum does not depend on the order of the rows."""
    hashes = np.zeros(len(table), dtype=np.uint64)
    for column in table.columns:
        hashes = _mixed(hashes ^ _bits(column))
    return hashes


def _bits(column: pa.ChunkedArray) -> np.ndarray:
    bits = np.full(len(column), _NULL)
    bits[column.is_valid().to_numpy()] = _bits_of_values(column.drop_null())
    return bits


def _bits_of_values(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_string(column.type):
        coded = column.combine_chunks().dictionary_encode()
        digests = b"".join(hashlib.blake2b(text.as_buffer(), digest_size=8).digest() for text in coded.dictionary)
        return np.frombuffer(digests, dtype=np.uint64)[coded.indices.to_numpy()]
    values = column.to_numpy()
    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64).view(np.uint64)


def _mixed(hashes: np.ndarray) -> np.ndarray:
    """Spread the bits of each hash over all 64 (Steele et al., splitmix, 2014)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(31))
