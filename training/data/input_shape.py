"""The shape of a model's input, without texts."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ListShape:
    """A categorical feature that is a list: the indexes of a row, and of the values that occur most, int64 [M].

    width: the number of indexes of a row. Places that a row does not need have the index UNSEEN.
    """

    width: int
    most_frequent: np.ndarray


@dataclass(frozen=True)
class InputShape:
    """The size of each categorical feature (user and item first), and what the N numeric features are about.

    lists: which of the categorical features, the last ones, are lists.
    without_history: the numeric features of a row whose user and item were never shown before, float32 [N].
    about_user, about_item: whether a numeric feature depends on the user, or on the item, bool [N].
    """

    categorical_sizes: dict[str, int]
    without_history: np.ndarray
    about_user: np.ndarray
    about_item: np.ndarray
    lists: dict[str, ListShape] = field(default_factory=dict)

    @staticmethod
    def without_histories(categorical_sizes: dict[str, int], numeric_size: int) -> "InputShape":
        """Return a shape whose numeric features depend neither on the user nor on the item."""
        none = np.zeros(numeric_size, dtype=bool)
        return InputShape(categorical_sizes, np.zeros(numeric_size, dtype=np.float32), none, none)

    @property
    def single(self) -> int:
        """The number of categorical features with one index in a row: those that are not lists."""
        return len(self.categorical_sizes) - len(self.lists)

    @property
    def widths(self) -> list[int]:
        """The number of indexes that each categorical feature has in a row; together, they are I."""
        return [1] * self.single + [shape.width for shape in self.lists.values()]

    @property
    def numeric_size(self) -> int:
        return len(self.without_history)
