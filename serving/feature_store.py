"""Where the features of users, items and pairs come from while requests are answered."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa


class FeatureStore(Protocol):
    """The features at the end of one date."""

    @property
    def as_of(self) -> str:
        """The date."""
        ...

    def features(self, user_id: str, item_ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the features of a user, of n items and of their pairs, each [n], by column of the training table.

        Features are 0 if there is no history. Raises NotReadyError if they cannot be read at the moment.
        """
        ...

    def history(self, user_id: str) -> pa.Table:
        """Return the last impressions of a user as one row with the columns HISTORY_SCHEMA.

        Raises ServingError if the store holds no impressions.
        """
        ...

    def require_readable(self) -> None:
        """Raise NotReadyError if features cannot be read at the moment."""
        ...
