"""The features of users or items as packed rows: in memory and in Redis alike."""

import numpy as np
import pyarrow as pa

from serving.errors import ServingError
from warehouse.tables import Table

# Half of what the tables take. Models read rates as float32 anyway.
_COUNT, _RATE = np.dtype("<u4"), np.dtype("<f4")
_PACKED = {"bigint": _COUNT, "double": _RATE}


def row_type(table: Table) -> np.dtype:
    """Return the type of a packed row, with a field for each feature of the table."""
    return np.dtype([(name, _PACKED[kind]) for name, kind in table.columns if kind in _PACKED])


def packed(features: pa.RecordBatch, kind: np.dtype) -> np.ndarray:
    """Return n rows of a table as packed rows [n]. Null becomes 0. Raises ServingError if a count does not fit."""
    rows = np.empty(len(features), kind)
    for name in kind.names or ():
        column = features[name].fill_null(0)
        try:
            rows[name] = column.cast(pa.uint32()) if kind[name] == _COUNT else column
        except pa.ArrowInvalid as error:
            raise ServingError(f"a count of {name} cannot be used ({error}): run the stages again") from error
    return rows


def unpacked(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the features of packed rows [k] by name, int64 or float64 [k]."""
    fields = (rows.dtype.fields or {}).items()
    return {name: rows[name].astype(np.int64 if kind == _COUNT else np.float64) for name, (kind, *_) in fields}
