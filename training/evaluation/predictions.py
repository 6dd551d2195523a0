"""Validation rows with what the model said of them: the table that every metric is computed from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import expit

from training.data.features import FeatureSpace
from training.data.reading import codes_and_values
from training.data.rows import ITEM, USER, Rows

LEVELS = ("zero", "few", "warm")
KEYS = ("user_id", "item_id", "log_ts", "scene")
PREDICTED = (*KEYS, "label", "logit", "probability", "user_level", "item_level")  # what metrics need of predictions


def cold_start_level(impressions: np.ndarray, few_max: int) -> np.ndarray:
    """Positions in LEVELS [n]: zero without impressions in the training window, few up to `few_max`, then warm."""
    return np.where(impressions == 0, 0, np.where(impressions <= few_max, 1, 2))


def predictions_table(keys: pa.Table, rows: Rows, logits: np.ndarray, space: FeatureSpace, few_max: int) -> pa.Table:
    """The rows of predictions.parquet, in the keys' order. logits: [n]."""
    categorical = rows.categorical.numpy()
    levels = {
        f"{entity}_level": pa.DictionaryArray.from_arrays(
            cold_start_level(space.vocabularies[f"{entity}_id"].impressions_at(categorical[:, column]), few_max), LEVELS
        )
        for entity, column in (("user", USER), ("item", ITEM))
    }
    probabilities = expit(logits.astype(np.float64))
    columns = {"label": keys["label"], "logit": logits, "probability": probabilities, **levels}
    return pa.table({**{name: keys[name] for name in KEYS}, **columns})


def same_rows(first: pa.Table, second: pa.Table) -> bool:
    """Whether two tables hold the same keys and labels in the same order."""
    return _plain(first).equals(_plain(second))


def _plain(predictions: pa.Table) -> pa.Table:
    names = (*KEYS, "label")
    columns = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in predictions.select(names)
    ]
    return pa.table(columns, names=names)


@dataclass(frozen=True)
class Scored:
    """What segments and metrics need of predictions, as arrays [n] in one order.

    user: a number for each distinct user. user_level, item_level: positions in LEVELS.
    """

    label: np.ndarray
    logit: np.ndarray
    probability: np.ndarray
    scene: np.ndarray
    user: np.ndarray
    user_level: np.ndarray
    item_level: np.ndarray

    def __len__(self) -> int:
        return len(self.label)


def scored(predictions: pa.Table) -> Scored:
    """The arrays of a predictions table, in its order."""
    return Scored(
        label=predictions["label"].to_numpy(),
        logit=predictions["logit"].to_numpy(),
        probability=predictions["probability"].to_numpy(),
        scene=predictions["scene"].to_numpy(),
        user=codes_and_values(predictions["user_id"])[0],
        user_level=level_codes(predictions["user_level"]),
        item_level=level_codes(predictions["item_level"]),
    )


def level_codes(column: pa.ChunkedArray) -> np.ndarray:
    """Positions in LEVELS, whatever order the column's dictionary has."""
    codes, names = codes_and_values(column)
    return np.array([LEVELS.index(name) for name in names.to_pylist()], dtype=np.int64)[codes]
