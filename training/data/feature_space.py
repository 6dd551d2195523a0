"""What turns rows into features: vocabularies, click rates by scene, means and deviations."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from training.data.input_shape import InputShape, ListShape
from training.data.list_vocabulary import ListVocabulary
from training.data.numeric_features import (
    ABOUT_ITEM,
    ABOUT_USER,
    FEATURE_NAMES,
    NUMERIC_COLUMNS,
    Standardiser,
    numeric_block,
)
from training.data.vocabulary import Vocabulary
from training.errors import TrainingError
from warehouse.tables import SCENES

META_FILE = "feature_meta.json"
VOCABULARY_FOLDER = "vocabulary"

IDS = ("user_id", "item_id")
_HOURS = 24
_MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True)
class FeatureSpace:
    """Turns the columns of a training table into arrays of features.

    The categorical features are user, item, scene, hour of the day and the deep features in use, in this order. Those
    that are lists come last, and have several indexes in a row.
    scene_ctr: click rates of the training window by scene, [S].
    """

    vocabularies: dict[str, Vocabulary]
    scene_ctr: np.ndarray
    standardiser: Standardiser

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read in addition to the keys."""
        return (*self.deep_features, *NUMERIC_COLUMNS)

    @property
    def deep_features(self) -> tuple[str, ...]:
        """The names of the deep features that have a value on any training date."""
        return tuple(name for name in self.vocabularies if name not in IDS)

    @property
    def categorical_sizes(self) -> dict[str, int]:
        """The number of different indexes of each categorical feature, by name, in the order of the columns."""
        ids = {name: self.vocabularies[name].size for name in IDS}
        deep = {name: self.vocabularies[name].size for name in self.deep_features}
        return {**ids, "scene": len(SCENES), "hour": _HOURS, **deep}

    @property
    def lists(self) -> dict[str, ListVocabulary]:
        """The vocabularies of the deep features that are lists."""
        return {name: v for name, v in self.vocabularies.items() if isinstance(v, ListVocabulary)}

    @property
    def bytes_of_lists(self) -> int:
        """What the indexes of a row's lists take."""
        return 8 * sum(vocabulary.width for vocabulary in self.lists.values())

    @property
    def numeric_size(self) -> int:
        return len(FEATURE_NAMES)

    @property
    def input_shape(self) -> InputShape:
        without_history = self.standardiser.apply(np.zeros((1, self.numeric_size), dtype=np.float32))[0]
        lists = {name: ListShape(v.width, v.most_frequent()) for name, v in self.lists.items()}
        return InputShape(self.categorical_sizes, without_history, ABOUT_USER, ABOUT_ITEM, lists)

    def categorical(self, table: pa.Table) -> np.ndarray:
        """Return the categorical features of every row as indexes, int64 [n, I]."""
        ids = [self.vocabularies[name].index(table[name]) for name in IDS]
        deep = [self.vocabularies[name].index(table[name]) for name in self.deep_features]
        single, lists = deep[: len(deep) - len(self.lists)], deep[len(deep) - len(self.lists) :]
        stacked = np.stack([*ids, scene_positions(table), _hour(table), *single], axis=1)
        return np.concatenate([stacked, *lists], axis=1) if lists else stacked

    def numeric(self, table: pa.Table) -> np.ndarray:
        """Return the standardised numeric features of every row, float32 [n, N]."""
        return self.standardiser.apply(numeric_block(table, scene_positions(table), self.scene_ctr))

    def save(self, folder: Path) -> None:
        """Write the feature space to the folder, as feature_meta.json and vocabulary/."""
        meta = {
            "scenes": list(SCENES),
            "scene_ctr": self.scene_ctr.tolist(),
            "categorical_sizes": self.categorical_sizes,
            "deep_features": list(self.deep_features),
            "min_count": {name: self.vocabularies[name].least for name in IDS},
            "lists": {name: vocabulary.width for name, vocabulary in self.lists.items()},
            "numeric": list(FEATURE_NAMES),
            "mean": self.standardiser.mean.tolist(),
            "scale": self.standardiser.scale.tolist(),
        }
        (folder / META_FILE).write_text(json.dumps(meta, indent=1, allow_nan=False), encoding="utf-8")
        (folder / VOCABULARY_FOLDER).mkdir()
        for name, vocabulary in self.vocabularies.items():
            vocabulary.save(folder / VOCABULARY_FOLDER / f"{name}.parquet")

    @staticmethod
    def load(folder: Path) -> "FeatureSpace":
        """Read a saved feature space. Raises TrainingError if its scenes or numeric features are not those of now."""
        meta = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
        if meta["scenes"] != list(SCENES) or meta["numeric"] != list(FEATURE_NAMES):
            raise TrainingError(
                f"{folder / META_FILE} has other scenes or numeric features than this code, which has {len(SCENES)} "
                "scenes: set ANTM2C_WAREHOUSE and ANTM2C_DATASET as for that run, use its code revision, or train again"
            )
        names = (*IDS, *meta["deep_features"])
        vocabularies = {name: Vocabulary.load(folder / VOCABULARY_FOLDER / f"{name}.parquet") for name in names}
        for name, least in meta.get("min_count", {}).items():  # earlier runs have none of these
            vocabularies[name] = replace(vocabularies[name], least=least)
        for name, width in meta.get("lists", {}).items():
            vocabularies[name] = ListVocabulary(**vars(vocabularies[name]), width=width)
        mean, scale, scene_ctr = (np.array(meta[name], dtype=np.float64) for name in ("mean", "scale", "scene_ctr"))
        return FeatureSpace(vocabularies, scene_ctr, Standardiser(mean, scale))


def scene_positions(table: pa.Table) -> np.ndarray:
    """Return the scene of every row as its position in SCENES, int64 [n]."""
    return np.searchsorted(SCENES, table["scene"].to_numpy())


def _hour(table: pa.Table) -> np.ndarray:
    return table["log_ts"].cast(pa.int64()).to_numpy() // _MICROSECONDS_PER_HOUR % _HOURS
