"""How often each user was shown and clicked each item, in memory."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

IMPRESSIONS, CLICKS = "ui_imp_hist", "ui_clk_hist"


class CountedPairs(NamedTuple):
    """Pairs as positions of users and items, with their counts. Each [p]. A pair may occur several times."""

    users: np.ndarray
    items: np.ndarray
    impressions: np.ndarray
    clicks: np.ndarray


class PairCounts:
    """The total counts of each pair, sorted by user and item: 12 bytes for a pair, and 8 for a user."""

    def __init__(self, parts: Iterable[CountedPairs], users: int, items: int) -> None:
        """Add up the counts of the parts. users, items: how many there are; positions are below."""
        keys, *counts = map(np.concatenate, zip(*[_keyed(part, items) for part in [_NOTHING, *parts]], strict=True))
        order = np.argsort(keys)
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self._impressions, self._clicks = (
            np.add.reduceat(count[order], starts, dtype=np.uint32) if len(starts) else count for count in counts
        )
        self._first = np.searchsorted(keys[starts], np.arange(users + 1) * items)  # of each user's pairs
        self._items = (keys[starts] % max(items, 1)).astype(np.uint32)

    def of(self, user: int, items: np.ndarray) -> dict[str, np.ndarray]:
        """Return the counts of a user with each of the items, int64 [k]. Positions below 0 have none."""
        own = slice(*self._first[user : user + 2]) if user >= 0 else slice(0, 0)
        known = self._items[own]
        if not len(known):
            return {name: np.zeros(len(items), np.int64) for name in (IMPRESSIONS, CLICKS)}
        found = np.minimum(np.searchsorted(known, items), len(known) - 1)
        matches = known[found] == items
        counts = {IMPRESSIONS: self._impressions, CLICKS: self._clicks}
        return {name: np.where(matches, count[own][found], 0).astype(np.int64) for name, count in counts.items()}


_NOTHING = CountedPairs(*(np.empty(0, np.int64) for _ in CountedPairs._fields))


def _keyed(pairs: CountedPairs, items: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = (pairs.impressions.astype(np.uint32), pairs.clicks.astype(np.uint32))
    return pairs.users.astype(np.int64) * items + pairs.items, *counts
