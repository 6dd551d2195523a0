"""Gradient-boosted decision trees, by LightGBM (Ke et al., NeurIPS 2017).

Import this only to fit or load trees: LightGBM takes seconds to load.
"""

import numpy as np
import torch  # before LightGBM, which then finds torch's OpenMP library where the system has none
from torch import Tensor

from training.data.input_shape import InputShape
from training.data.rows import Rows
from training.models.row_scorer import Gates
from training.scoring.trees import BoostedTrees, Booster, tree_features


class Trees:
    """Boosted trees: Rows of B -> logits [B]. They see scene, hour, deep and numeric features, but no ids.

    shape: of the rows.
    """

    def __init__(self, booster: Booster, shape: InputShape) -> None:
        self._trees = BoostedTrees(booster, shape)

    def score(self, rows: Rows) -> tuple[Tensor, Gates]:
        """Return logits [B], float32, and no gates."""
        features = rows.categorical.numpy(), rows.numeric.numpy()
        return torch.from_numpy(self._trees.logits(*features, threads=torch.get_num_threads())), {}

    def first(self, count: int) -> "Trees":
        """Return the first trees alone."""
        first = self._trees.booster.model_to_string(num_iteration=count)
        return Trees(Booster(model_str=first), self._trees.shape)

    def text(self) -> str:
        """Return the trees in LightGBM's own format, followed by a line with a checksum of it."""
        return self._trees.text()

    @staticmethod
    def parse(text: str, shape: InputShape) -> "Trees":
        """Read what `text` returned. Raises ValueError if it is damaged, or made for rows of another shape."""
        return Trees(BoostedTrees.parse(text, shape).booster, shape)


def features_of(rows: Rows, shape: InputShape) -> np.ndarray:
    """Return the features that trees see, in the order of `tree_columns`: float32 [B, C]."""
    return tree_features(rows.categorical.numpy(), rows.numeric.numpy(), shape)
