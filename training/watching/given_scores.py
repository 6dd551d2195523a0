"""Find the scores that were given to impressions before they were shown."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from training.data.arrow_columns import KEYS
from training.errors import TrainingError
from training.evaluation.values_by_key import keys_of, mean_by_key
from warehouse.catalog import Catalog
from warehouse.tables import SCORES


def given_scores(catalog: Catalog, date: str, impressions: pa.Table) -> np.ndarray:
    """Return the probability that was given to each impression's user, item, time and scene, [n]; NaN if none was.

    A candidate that was scored more than once counts with the mean. Raises TrainingError if the scores cannot be read.
    """
    wanted = keys_of(impressions)
    shown = [ds.field(name).isin(pc.unique(wanted[name])) for name in ("user_id", "item_id")]
    files: Sequence[str] = [entry["name"] for entry in catalog.files(SCORES, date)]
    try:
        scores = ds.dataset(files, format="parquet", filesystem=catalog.storage.filesystem)
        # Most candidates are never shown. They are left out piece by piece, so that any number of scores fits in
        # memory.
        given = scores.to_table([*KEYS, "probability"], filter=shown[0] & shown[1])
    except (pa.ArrowException, OSError) as error:
        raise TrainingError(
            f"{catalog.uri(SCORES, date)} cannot be read ({error}): run predict for {date} again"
        ) from error
    return mean_by_key(wanted, given, "probability").to_numpy()
