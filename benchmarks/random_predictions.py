"""Draw random predictions, to measure the cost of metrics."""

import numpy as np
import pyarrow as pa

from training.evaluation.segments import LEVELS
from warehouse.tables import SCENES


def random_predictions(rows: int, users: int) -> pa.Table:
    """Random rows with the columns that metrics need. The logits are float32, so that many rows have ties."""
    rng = np.random.default_rng(7)
    label = (rng.random(rows) < 0.337).astype(np.int32)
    logit = (rng.standard_normal(rows) + 0.7 * label - 0.7).astype(np.float32)
    users_column = pa.DictionaryArray.from_arrays(rng.integers(0, users, rows), np.arange(users).astype(str))
    levels = [pa.DictionaryArray.from_arrays(rng.choice(3, rows, p=(0.1, 0.2, 0.7)), LEVELS) for _ in range(2)]
    return pa.table(
        {
            "user_id": users_column,
            "scene": rng.choice(SCENES, rows).astype(np.int32),
            "label": label,
            "logit": logit,
            "probability": 1 / (1 + np.exp(-logit.astype(np.float64))),
            "user_level": levels[0],
            "item_level": levels[1],
        }
    )
