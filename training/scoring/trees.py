"""The boosted trees of the model gbdt as text, and what they see of a row.

Import this only to fit or load trees: LightGBM takes seconds to load.
"""

import hashlib

import numpy as np

from training.data.input_shape import InputShape
from training.errors import TrainingError

try:
    from lightgbm import Booster, Dataset, Sequence  # noqa: F401 - the other modules import them from here
except (ImportError, OSError) as error:  # OSError: of the dynamic linker
    raise TrainingError(
        f"LightGBM cannot be loaded ({error}): install the OpenMP library, libgomp1 on Debian and Ubuntu"
    ) from error

_CHECKSUM = "sha256:"
_IDS = 2  # users and items come first among the categorical features


class BoostedTrees:
    """Maps the features of B rows to logits [B], float32. Trees see scene, hour, deep and numeric features; no ids.

    shape: of the features.
    """

    def __init__(self, booster: Booster, shape: InputShape) -> None:
        self.booster, self.shape = booster, shape

    @staticmethod
    def parse(text: str, shape: InputShape) -> "BoostedTrees":
        """Read what `text` returned. Raises ValueError if it is damaged, or made for rows of another shape."""
        trees, mark, checksum = text.rpartition(_CHECKSUM)
        if not mark or mark + checksum != _checksum(trees):  # LightGBM itself ends the process on a damaged text
            raise ValueError("it is damaged")
        booster = Booster(model_str=trees)
        if booster.feature_name() != tree_columns(shape):
            raise ValueError("its trees see other features than feature_meta.json names")
        return BoostedTrees(booster, shape)

    def text(self) -> str:
        """Return the trees in LightGBM's own format, followed by a line with a checksum of it."""
        text = self.booster.model_to_string()
        return text + _checksum(text)

    def logits(
        self,
        categorical: np.ndarray,
        numeric: np.ndarray,
        _texts: np.ndarray | None = None,
        _history: tuple[np.ndarray, np.ndarray] | None = None,
        threads: int = 1,
    ) -> np.ndarray:
        """Score rows. categorical: [B, I] int64. numeric: [B, N] float32. threads: how many score together."""
        features = tree_features(categorical, numeric, self.shape)
        return np.asarray(self.booster.predict(features, raw_score=True, num_threads=threads), dtype=np.float32)


def tree_categories(shape: InputShape) -> list[str]:
    """Return the names of the categorical features that trees see: those with one value in a row, except ids."""
    return list(shape.categorical_sizes)[_IDS : shape.single]


def tree_columns(shape: InputShape) -> list[str]:
    """Return `tree_categories`, a name for each of the most frequent values of lists, and one for each number."""
    in_lists = (f"{name}_has_{index}" for name, of in shape.lists.items() for index in of.most_frequent)
    return [*tree_categories(shape), *in_lists, *(f"numeric_{number}" for number in range(shape.numeric_size))]


def tree_features(categorical: np.ndarray, numeric: np.ndarray, shape: InputShape) -> np.ndarray:
    """Return the features that trees see, in the order of `tree_columns`: float32 [B, C].

    Whether a list has a value is 0 or 1. Trees split it as they split a number.
    """
    single, *lists = np.split(categorical, np.cumsum(shape.widths[shape.single - 1 :])[:-1] + shape.single - 1, axis=1)
    has = [
        (indexes[:, :, None] == of.most_frequent).any(axis=1)
        for indexes, of in zip(lists, shape.lists.values(), strict=True)
    ]
    return np.concatenate([single[:, _IDS:], *has, numeric], axis=1, dtype=np.float32)


def _checksum(text: str) -> str:
    return f"{_CHECKSUM}{hashlib.sha256(text.encode()).hexdigest()}\n"
