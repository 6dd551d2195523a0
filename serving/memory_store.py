"""Features of one date in the memory of this process."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.entity_features import EntityFeatures
from serving.pair_counts import PairCounts, counts_with


@dataclass(frozen=True)
class MemoryStore:
    """A FeatureStore of arrays."""

    as_of: str
    users: EntityFeatures
    items: EntityFeatures
    pairs: PairCounts

    def features(self, user_id: str, item_ids: Sequence[str]) -> dict[str, np.ndarray]:
        (user,), items = self.users.positions([user_id]), self.items.positions(item_ids)
        of_user = self.users.at(np.full(len(items), user))
        return {**of_user, **self.items.at(items), **counts_with(self.pairs.of(int(user)), items)}

    def require_readable(self) -> None:
        """They always can be."""
