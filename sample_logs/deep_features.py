"""Imitations of the release's deep features: noisy projections of the traits of users and items, as categories."""

import numpy as np

from sample_logs.population import Items, Users
from sample_logs.vocabulary import read_vocabulary
from warehouse.tables import DEEP_FEATURES

_USER_FEATURES = 14  # the first ones depend on the user, the others on the item
_NOISE = 0.5
_BINS_PER_DEVIATION, _LAST_BIN = 4, 12  # 25 categories, from -12 to 12


class DeepFeatures:
    """The deep features of all users and items, as int8 categories. They depend on tastes and topics, not on labels."""

    def __init__(self, users: Users, items: Items, rng: np.random.Generator) -> None:
        topics = read_vocabulary().topics
        directions = rng.standard_normal((topics, len(DEEP_FEATURES)), dtype=np.float32)
        user_values = (users.taste @ directions[:, :_USER_FEATURES] / topics**0.5).astype(np.float32)
        topic_values = directions[items.topics, _USER_FEATURES:]  # [I, 2, features]
        share = items.first_share[:, None]
        item_values = share * topic_values[:, 0] + (1 - share) * topic_values[:, 1]
        # One row per feature, so that taking a feature's values reads contiguous memory.
        self._users = np.ascontiguousarray(_noisy(user_values, rng).T)
        self._items = np.ascontiguousarray(_noisy(item_values, rng).T)

    def columns(self, user: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        """Return the features of impressions by name, int8 [N] each. user, item: positions [N]."""
        values = [*(feature[user] for feature in self._users), *(feature[item] for feature in self._items)]
        return dict(zip(DEEP_FEATURES, values, strict=True))


def _noisy(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(values.shape, dtype=np.float32)
    noisy = values + np.float32(_NOISE) * noise
    bins = np.rint(noisy / noisy.std(axis=0) * _BINS_PER_DEVIATION)
    return bins.clip(-_LAST_BIN, _LAST_BIN).astype(np.int8)
