"""Features of one date in the memory of this process."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from serving.entity_features import EntityFeatures
from serving.errors import ServingError
from serving.pair_counts import PairCounts, counts_with
from serving.recent_impressions import RecentImpressions


@dataclass(frozen=True)
class MemoryStore:
    """A FeatureStore of arrays. impressions: None if no model reads them."""

    as_of: str
    users: EntityFeatures
    items: EntityFeatures
    pairs: PairCounts
    impressions: RecentImpressions | None = None

    def features(self, user_id: str, item_ids: Sequence[str]) -> dict[str, np.ndarray]:
        (user,), items = self.users.positions([user_id]), self.items.positions(item_ids)
        of_user = self.users.at(np.full(len(items), user))
        return {**of_user, **self.items.at(items), **counts_with(self.pairs.of(int(user)), items)}

    def history(self, user_id: str) -> pa.Table:
        if self.impressions is None:
            raise ServingError(
                f"the model reads the last impressions of users, but those up to {self.as_of} are not loaded"
            )
        (user,) = self.users.positions([user_id])
        return self.impressions.of(int(user))

    def require_readable(self) -> None:
        """They always can be."""
