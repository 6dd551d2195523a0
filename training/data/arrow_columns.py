"""The columns of tables in Arrow: their types, and what dictionary-encoded ones are made of."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.tables import TRAIN, Table

TIMESTAMP = pa.timestamp("us", tz="UTC")
CODED = pa.dictionary(pa.int32(), pa.string())  # a text is decoded once per distinct value, not once per row
_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": TIMESTAMP,
    "array<string>": pa.list_(pa.string()),
    "array<int>": pa.list_(pa.int32()),
    "array<date>": pa.list_(pa.date32()),
}


def schema_of_table(table: Table) -> pa.Schema:
    """Return the columns of a table and their types, with plain texts."""
    return pa.schema([(name, _TYPES[spark_type]) for name, spark_type in table.columns])


KEYS = ("user_id", "item_id", "log_ts", "scene")  # which impression a row is
KEY_SCHEMA = pa.schema([schema_of_table(TRAIN).field(name) for name in KEYS])
SCHEMA = pa.schema([field.with_type(CODED) if field.type == pa.string() else field for field in schema_of_table(TRAIN)])


def schema_of(columns: Iterable[str]) -> pa.Schema:
    """Return the schema of some of the columns, in the given order."""
    return pa.schema([SCHEMA.field(name) for name in columns])


def codes_and_values(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Split a dictionary-encoded column into its codes [n], with -1 for null, and its distinct values."""
    coded = column.combine_chunks()
    codes = pc.fill_null(coded.indices, -1) if coded.null_count else coded.indices
    return codes.to_numpy(zero_copy_only=False), coded.dictionary


def distinct_values(column: pa.ChunkedArray) -> pa.Array:
    """Return the values that occur in a dictionary-encoded column, without null. Its dictionary may have others."""
    codes, values = codes_and_values(column)
    return values.take(pa.array(np.unique(codes[codes >= 0])))
