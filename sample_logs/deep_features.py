"""Categories that stand in for the release's deep features: noisy projections of who the user and the item are."""

import numpy as np

from sample_logs.population import Items, Users
from sample_logs.vocabulary import read_vocabulary
from warehouse.tables import DEEP_FEATURES

_OF_USERS = 14  # the first ones tell of the user, the others of the item
_NOISE = 0.5
_BINS_A_DEVIATION, _MOST_BINS = 4, 12  # 25 categories, from -12 to 12


class DeepFeatures:
    """Fixed categories by user and by item, int8. They tell of tastes and topics, not of labels."""

    def __init__(self, users: Users, items: Items, rng: np.random.Generator) -> None:
        topics = read_vocabulary().topics
        directions = rng.standard_normal((topics, len(DEEP_FEATURES)), dtype=np.float32)
        of_users = (users.taste @ directions[:, :_OF_USERS] / topics**0.5).astype(np.float32)
        of_topics = directions[items.topics, _OF_USERS:]  # [I, 2, features]
        share = items.first_share[:, None]
        of_items = share * of_topics[:, 0] + (1 - share) * of_topics[:, 1]
        # A row a feature: taking a feature's values is then one pass over little memory.
        self._users = np.ascontiguousarray(_noisy(of_users, rng).T)
        self._items = np.ascontiguousarray(_noisy(of_items, rng).T)

    def columns(self, user: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        """The features of impressions, by name: int8 [N] each. user, item: positions [N]."""
        values = [*(feature[user] for feature in self._users), *(feature[item] for feature in self._items)]
        return dict(zip(DEEP_FEATURES, values, strict=True))


def _noisy(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(values.shape, dtype=np.float32)
    noisy = values + np.float32(_NOISE) * noise
    bins = np.rint(noisy / noisy.std(axis=0) * _BINS_A_DEVIATION)
    return bins.clip(-_MOST_BINS, _MOST_BINS).astype(np.int8)
