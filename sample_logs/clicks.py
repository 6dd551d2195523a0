"""The click model: the probability from which the click of each impression is drawn.

The probability of a click is sigmoid(b[s] + z). For user u, item i of scene s, hour h and day d of D days,

    z =   sum over the item's two topics k, by their shares w[i, k]:
              w[i, k] * (affinity * mix[s, k] * taste[u, k] + appeal * liking[s, k])
        + quality * q[i] + leaning * l[u]
        + hour * cos(2 pi (h - 21) / 24) + day * (d / (D - 1))^4

taste, liking, q and l are standard normal; the first two are correlated between related topics. mix is log-normal with
a mean square of 1. affinity, appeal, quality, leaning, hour and day are the fields of settings.ClickWeights. b[s] gives
scene s its click rate.
"""

import numpy as np

from sample_logs.population import Items, SceneTastes, Users
from sample_logs.settings import Settings
from sample_logs.traffic import HOURS

_BEST_HOUR = 21
_BISECTIONS = 40  # of an interval of 40 logits


class ClickModel:
    """Click logits of impressions, which are given as positions of users and items. All arrays are [N]."""

    def __init__(self, settings: Settings, users: Users, items: Items, tastes: SceneTastes) -> None:
        self._weights = settings.click
        self._last_day = max(settings.days - 1, 1)
        self._users, self._items, self._tastes = users, items, tastes

    def logit(self, user: np.ndarray, item: np.ndarray, scene: np.ndarray, seconds: np.ndarray, day: int) -> np.ndarray:
        """Return z, the logit without the scene's base."""
        weights, items = self._weights, self._items
        first, second = items.topics[item].T
        share = items.first_share[item]
        return (
            share * self._topic_logit(user, first, scene)
            + (1 - share) * self._topic_logit(user, second, scene)
            + weights.quality * items.quality[item]
            + weights.leaning * self._users.leaning[user]
            + weights.hour * np.cos((seconds / 3600 - _BEST_HOUR) * (2 * np.pi / HOURS))
            + weights.day * (day / self._last_day) ** 4  # the click rate of the release rises in its last days
        )

    def _topic_logit(self, user: np.ndarray, topic: np.ndarray, scene: np.ndarray) -> np.ndarray:
        tastes = self._tastes
        affinity = tastes.mix[scene, topic] * self._users.taste[user, topic]
        return self._weights.affinity * affinity + self._weights.appeal * tastes.appeal[scene, topic]


def base_for_rate(logit: np.ndarray, rate: float) -> float:
    """Return the base b for which the mean of sigmoid(b + logit) is `rate`."""
    low, high = -20.0, 20.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if sigmoid(middle + logit).mean() < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-logit))."""
    return 1 / (1 + np.exp(-logit))
