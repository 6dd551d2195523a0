"""Write the scores of a date."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from training.data.arrow_columns import schema_of_table
from training.evaluation.row_hashes import row_hashes
from warehouse.publish import Content, StagedPartition
from warehouse.storage import Storage
from warehouse.tables import SCORES

SCHEMA = schema_of_table(SCORES)
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
            checksum += int(row_hashes(piece.select(SCHEMA.names)).sum())
    return Content(rows, [list(column) for column in SCORES.columns], f"{checksum % 2**64:016x}")
