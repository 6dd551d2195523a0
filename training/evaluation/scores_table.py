"""Write the scores of a date."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.data.training_table import TIMESTAMP
from warehouse.publish import Content, StagedPartition
from warehouse.storage import Storage
from warehouse.tables import SCORES

_TYPES = {"string": pa.string(), "int": pa.int32(), "double": pa.float64(), "timestamp": TIMESTAMP}
SCHEMA = pa.schema([(name, _TYPES[spark_type]) for name, spark_type in SCORES.columns])
_FILE = "part-00000.zstd.parquet"


def write_scores(pieces: Iterable[pa.Table], staged: StagedPartition, storage: Storage) -> Content:
    """Write pieces of the table of scores, one after the other, into one file of the staged partition."""
    rows, checksum = 0, 0
    with (
        storage.filesystem.open(f"{staged.path}/{_FILE}", "wb") as file,
        pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer,
    ):
        for piece in pieces:
            writer.write_table(piece.select(SCHEMA.names).cast(SCHEMA))
            rows += len(piece)
            checksum += int(_row_hashes(piece.select(SCHEMA.names)).sum())
    return Content(rows, [list(column) for column in SCORES.columns], f"{checksum % 2**64:016x}")


def _row_hashes(table: pa.Table) -> np.ndarray:
    """Return a hash of each row, uint64 [n]. Their sum does not depend on the order of the rows."""
    hashes = np.zeros(len(table), dtype=np.uint64)
    for column in table.columns:
        hashes = _mixed(hashes ^ _bits(column))
    return hashes


def _bits(column: pa.ChunkedArray) -> np.ndarray:
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
