"""The shape of a model's input, without texts."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class InputShape:
    """The size of each categorical feature (user and item first), and what the N numeric features are about.

    without_history: the numeric features of a row whose user and item were never shown before, float32 [N].
    about_user, about_item: whether a numeric feature depends on the user, or on the item, bool [N].
    """

    categorical_sizes: dict[str, int]
    without_history: np.ndarray
    about_user: np.ndarray
    about_item: np.ndarray

    @staticmethod
    def without_histories(categorical_sizes: dict[str, int], numeric_size: int) -> "InputShape":
        """Return a shape whose numeric features depend neither on the user nor on the item."""
        none = np.zeros(numeric_size, dtype=bool)
        return InputShape(categorical_sizes, np.zeros(numeric_size, dtype=np.float32), none, none)

    @property
    def numeric_size(self) -> int:
        return len(self.without_history)
