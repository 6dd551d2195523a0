"""Write and read the table of the watch: a line for each segment of a date. Does not load torch."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.data.arrow_columns import schema_of_table
from training.errors import TrainingError
from training.evaluation.row_hashes import row_hashes
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.storage import Storage
from warehouse.tables import WATCH

SCHEMA = schema_of_table(WATCH)
_FILE = "part-00000.zstd.parquet"


def write_watch(lines: Sequence[dict[str, Any]], staged: StagedPartition, storage: Storage) -> Content:
    """Write the lines of a date into the staged partition."""
    table = pa.Table.from_pylist(list(lines), SCHEMA)
    with storage.filesystem.open(f"{staged.path}/{_FILE}", "wb") as file:
        pq.write_table(table, file, compression="zstd")
    checksum = int(row_hashes(table).sum())
    return Content(len(table), [list(column) for column in WATCH.columns], f"{checksum:016x}")


def read_watch(catalog: Catalog, date: str) -> list[dict[str, Any]]:
    """Return the lines of a date, in the order of segments. Empty if it is not published. Raises TrainingError."""
    lines: list[dict[str, Any]] = []
    for entry in catalog.files(WATCH, date):
        try:
            with catalog.storage.filesystem.open(entry["name"], "rb") as file:
                lines += pq.ParquetFile(file).read().cast(SCHEMA).to_pylist()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise TrainingError(
                f"{catalog.uri(WATCH, date)} cannot be read ({error}): run `python -m training watch --date {date}`"
            ) from error
    return lines
