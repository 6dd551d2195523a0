"""The table of predictions: validation rows with their scores. All metrics are computed from it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import expit

from training.data.arrow_columns import KEYS, codes_and_values
from training.data.feature_space import FeatureSpace
from training.evaluation.segments import LEVELS, Segment

PREDICTED = (*KEYS, "label", "logit", "probability", "user_level", "item_level")  # the columns that metrics need


def cold_start_level(impressions: np.ndarray, few_max: int) -> np.ndarray:
    """Return positions in LEVELS [n]: zero for 0 impressions in training, few for up to `few_max`, warm for more."""
    return np.where(impressions == 0, 0, np.where(impressions <= few_max, 1, 2))


def predictions_table(keys: pa.Table, logits: np.ndarray, space: FeatureSpace, few_max: int) -> pa.Table:
    """Build the table for predictions.parquet, in the order of `keys`. logits: [n]."""
    levels = {
        f"{entity}_level": pa.DictionaryArray.from_arrays(
            cold_start_level(space.vocabularies[f"{entity}_id"].impressions_of(keys[f"{entity}_id"]), few_max), LEVELS
        )
        for entity in ("user", "item")
    }
    probabilities = expit(logits.astype(np.float64))
    columns = {"label": keys["label"], "logit": logits, "probability": probabilities, **levels}
    return pa.table({**{name: keys[name] for name in KEYS}, **columns})


def same_rows(first: pa.Table, second: pa.Table) -> bool:
    """Return whether two tables have the same keys and labels in the same order."""
    return _without_dictionaries(first).equals(_without_dictionaries(second))


def _without_dictionaries(predictions: pa.Table) -> pa.Table:
    names = (*KEYS, "label")
    columns = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in predictions.select(names)
    ]
    return pa.table(columns, names=names)


@dataclass(frozen=True)
class Scored:
    """The columns of a table of predictions that metrics need, as arrays [n].

    user: one number per distinct user. user_level, item_level: positions in LEVELS.
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

    def mask(self, segment: Segment) -> np.ndarray:
        """Return which rows belong to the segment, bool [n]."""
        mask = np.ones(len(self), dtype=bool)
        if segment.scene is not None:
            mask &= self.scene == segment.scene
        if segment.user_level is not None:
            mask &= self.user_level == LEVELS.index(segment.user_level)
        if segment.item_level is not None:
            mask &= self.item_level == LEVELS.index(segment.item_level)
        return mask


def scored(predictions: pa.Table) -> Scored:
    """Convert a table of predictions to arrays."""
    return Scored(
        label=predictions["label"].to_numpy(),
        logit=predictions["logit"].to_numpy(),
        probability=predictions["probability"].to_numpy(),
        scene=predictions["scene"].to_numpy(),
        user=codes_and_values(predictions["user_id"])[0],
        user_level=_level_positions(predictions["user_level"]),
        item_level=_level_positions(predictions["item_level"]),
    )


def _level_positions(column: pa.ChunkedArray) -> np.ndarray:
    """Return positions in LEVELS [n]. The column's own dictionary may have another order."""
    codes, names = codes_and_values(column)
    return np.array([LEVELS.index(name) for name in names.to_pylist()], dtype=np.int64)[codes]
