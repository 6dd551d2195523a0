"""Gradient-boosted decision trees, by LightGBM (Ke et al., NeurIPS 2017).

Import this only to fit or load trees: LightGBM takes seconds to load.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor

from training.data.input_shape import InputShape
from training.data.rows import SCENE, Rows
from training.errors import TrainingError
from training.models.scorer import Gates

try:  # after torch, whose OpenMP library it then finds where the system has none
    from lightgbm import Booster, Dataset, Sequence  # noqa: F401 - the other modules import them from here
except (ImportError, OSError) as error:  # OSError: of the dynamic linker
    raise TrainingError(
        f"LightGBM cannot be loaded ({error}): install the OpenMP library, libgomp1 on Debian and Ubuntu"
    ) from error

_CHECKSUM = "sha256:"


class Trees:
    """Boosted trees: Rows of B -> logits [B]. They see scene, hour, deep and numeric features, but no ids.

    shape: of the rows.
    """

    def __init__(self, booster: Booster, shape: InputShape) -> None:
        self._booster, self._shape = booster, shape

    def score(self, rows: Rows) -> tuple[Tensor, Gates]:
        """Return logits [B], float32, and no gates."""
        logits = self._booster.predict(
            tree_features(rows, self._shape), raw_score=True, num_threads=torch.get_num_threads()
        )
        return torch.from_numpy(logits).float(), {}

    def first(self, trees: int) -> "Trees":
        """Return the first trees alone."""
        return Trees(Booster(model_str=self._booster.model_to_string(num_iteration=trees)), self._shape)

    def text(self) -> str:
        """Return the trees in LightGBM's own format, followed by a line with a checksum of it."""
        text = self._booster.model_to_string()
        return text + _checksum(text)

    @staticmethod
    def parse(text: str, shape: InputShape) -> "Trees":
        """Read what `text` returned. Raises ValueError if it is damaged, or made for rows of another shape."""
        trees, mark, checksum = text.rpartition(_CHECKSUM)
        if not mark or mark + checksum != _checksum(trees):  # LightGBM itself ends the process on a damaged text
            raise ValueError("it is damaged")
        booster = Booster(model_str=trees)
        if booster.feature_name() != tree_columns(shape):
            raise ValueError("its trees see other features than feature_meta.json names")
        return Trees(booster, shape)


def tree_categories(shape: InputShape) -> list[str]:
    """Return the names of the categorical features that trees see: those with one value in a row, except ids."""
    return list(shape.categorical_sizes)[SCENE : shape.single]


def tree_columns(shape: InputShape) -> list[str]:
    """Return `tree_categories`, a name for each of the most frequent values of lists, and one for each number."""
    in_lists = (f"{name}_has_{index}" for name, of in shape.lists.items() for index in of.most_frequent)
    return [*tree_categories(shape), *in_lists, *(f"numeric_{number}" for number in range(shape.numeric_size))]


def tree_features(rows: Rows, shape: InputShape) -> np.ndarray:
    """Return the features that trees see, in the order of `tree_columns`: float32 [B, C].

    Whether a list has a value is 0 or 1. Trees split it as they split a number.
    """
    single, *lists = rows.categorical.split([shape.single, *shape.widths[shape.single :]], dim=1)
    has = [
        (indexes.unsqueeze(2) == torch.from_numpy(of.most_frequent)).any(1).float()
        for indexes, of in zip(lists, shape.lists.values(), strict=True)
    ]
    return torch.cat([single[:, SCENE:].float(), *has, rows.numeric], dim=1).numpy()


def _checksum(text: str) -> str:
    return f"{_CHECKSUM}{hashlib.sha256(text.encode()).hexdigest()}\n"
