"""Read the true click probabilities, which only sample logs have."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from training.data.arrow_columns import TIMESTAMP
from training.errors import TrainingError
from training.evaluation.prediction_table import KEYS
from training.progress import say
from warehouse.catalog import Catalog
from warehouse.tables import TRUTH

_TYPES = {"user_id": pa.string(), "item_id": pa.string(), "log_ts": TIMESTAMP, "scene": pa.int32()}


def click_probabilities(catalog: Catalog, dates: Sequence[str], predictions: pa.Table) -> np.ndarray | None:
    """Return the true click probability of each row of `predictions`, [n], or None if a row has none.

    Raises TrainingError if a file of the table cannot be read.
    """
    files = [entry["name"] for date in dates for entry in catalog.files(TRUTH, date)]
    if not files:
        return None
    schema = pa.schema([*_TYPES.items(), ("click_probability", pa.float64())])
    try:
        read = ds.dataset(files, format="parquet", filesystem=catalog.storage.filesystem).to_table(schema.names)
        truth = read.cast(schema)
    except (pa.ArrowException, OSError) as error:
        raise TrainingError(
            f"{catalog.table_path(TRUTH)} cannot be read ({error}): write the sample logs again"
        ) from error
    # Impressions logged twice within a second share a key: both get the mean of their probabilities.
    truth = truth.group_by(list(KEYS)).aggregate([("click_probability", "mean")])
    wanted = pa.table({name: predictions[name].cast(arrow_type) for name, arrow_type in _TYPES.items()})
    wanted = wanted.append_column("row", pa.array(np.arange(len(wanted))))
    joined = wanted.join(truth, keys=list(KEYS), join_type="left outer").sort_by("row")
    found = joined["click_probability_mean"]
    if found.null_count:
        say(
            f"{found.null_count} of {len(wanted)} validation rows have no true click probability: "
            "the best reachable AUC is left out"
        )
        return None
    return found.to_numpy()
