"""Find values of impressions in a table that has the same users, items, times and scenes."""

import numpy as np
import pyarrow as pa

from training.data.arrow_columns import KEY_SCHEMA, KEYS


def keys_of(impressions: pa.Table) -> pa.Table:
    """Return the key columns in the types that can be joined."""
    return impressions.select(KEYS).cast(KEY_SCHEMA)


def mean_by_key(wanted: pa.Table, table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return the mean of a column of `table` over the rows with each wanted key, [n]; null if there are none.

    wanted: what keys_of returns. Impressions logged twice within a second share a key.
    """
    means = table.group_by(KEY_SCHEMA.names).aggregate([(name, "mean")])
    numbered = wanted.append_column("row", pa.array(np.arange(len(wanted))))
    return numbered.join(means, keys=KEY_SCHEMA.names, join_type="left outer").sort_by("row")[f"{name}_mean"]
