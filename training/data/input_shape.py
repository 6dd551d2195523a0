"""What a model takes in, beside texts."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class InputShape:
    """Categorical features with how many indexes each has, user and item first, and N numeric features.

    without_history: the latter in a row whose user and item nobody knows, float32 [N]. of_user, of_item: which of them
    tell of the user, of the item, bool [N].
    """

    categorical_sizes: dict[str, int]
    without_history: np.ndarray
    of_user: np.ndarray
    of_item: np.ndarray

    @staticmethod
    def of_context(categorical_sizes: dict[str, int], numeric_size: int) -> "InputShape":
        """With numeric features that tell of neither user nor item."""
        of_none = np.zeros(numeric_size, dtype=bool)
        return InputShape(categorical_sizes, np.zeros(numeric_size, dtype=np.float32), of_none, of_none)

    @property
    def numeric_size(self) -> int:
        """N."""
        return len(self.without_history)
