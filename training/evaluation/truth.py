"""Read the true click probabilities, which only sample logs have."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from training.data.arrow_columns import KEY_SCHEMA
from training.errors import TrainingError
from training.evaluation.values_by_key import keys_of, mean_by_key
from training.progress import say
from warehouse.catalog import Catalog
from warehouse.tables import TRUTH


def click_probabilities(catalog: Catalog, dates: Sequence[str], predictions: pa.Table) -> np.ndarray | None:
    """Return the true click probability of each row of `predictions`, [n], or None if a row has none.

    Raises TrainingError if a file of the table cannot be read.
    """
    files = [entry["name"] for date in dates for entry in catalog.files(TRUTH, date)]
    if not files:
        return None
    schema = KEY_SCHEMA.append(pa.field("click_probability", pa.float64()))
    try:
        read = ds.dataset(files, format="parquet", filesystem=catalog.storage.filesystem).to_table(schema.names)
        truth = read.cast(schema)
    except (pa.ArrowException, OSError) as error:
        raise TrainingError(
            f"{catalog.table_path(TRUTH)} cannot be read ({error}): write the sample logs again"
        ) from error
    found = mean_by_key(keys_of(predictions), truth, "click_probability")
    if found.null_count:
        say(
            f"{found.null_count} of {len(predictions)} validation rows have no true click probability: "
            "the best reachable AUC is left out"
        )
        return None
    return found.to_numpy()
