"""How often each user was shown and clicked each item, in memory."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

IMPRESSIONS, CLICKS = "ui_imp_hist", "ui_clk_hist"
PAIR = np.dtype([("item", "<u4"), (IMPRESSIONS, "<u4"), (CLICKS, "<u4")])  # item: its position


class CountedPairs(NamedTuple):
    """Pairs as positions of users and items, with their counts. Each [p]. A pair may occur several times."""

    users: np.ndarray
    items: np.ndarray
    impressions: np.ndarray
    clicks: np.ndarray


class PairCounts:
    """The total counts of each pair: 12 bytes for a pair, and 8 for a user.

    rows: of the type PAIR, sorted by user and item. first: where each user's rows begin, and the end, [users + 1].
    """

    def __init__(self, parts: Iterable[CountedPairs], users: int, items: int) -> None:
        """Add up the counts of the parts. users, items: how many there are; positions are below."""
        keys, *counts = map(np.concatenate, zip(*[_keyed(part, items) for part in [_NOTHING, *parts]], strict=True))
        order = np.argsort(keys)
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self.rows = np.empty(len(starts), PAIR)
        for name, count in zip((IMPRESSIONS, CLICKS), counts, strict=True):
            self.rows[name] = np.add.reduceat(count[order], starts, dtype=np.uint32) if len(starts) else count
        keys = keys[starts]
        self.rows["item"] = keys % max(items, 1)
        self.first = np.searchsorted(keys, np.arange(users + 1) * items)

    def of(self, user: int) -> np.ndarray:
        """Return the rows of a user. One below 0 has none."""
        return self.rows[slice(*self.first[user : user + 2]) if user >= 0 else slice(0, 0)]


def counts_with(own: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
    """Return the counts of the user whose rows these are with each of the items, by name, int64 [k].

    items: positions, [k]. Those that are in no row have no counts.
    """
    if not len(own):
        return {name: np.zeros(len(items), np.int64) for name in (IMPRESSIONS, CLICKS)}
    found = np.minimum(np.searchsorted(own["item"], items), len(own) - 1)
    matches = own["item"][found] == items
    return {name: np.where(matches, own[name][found], 0).astype(np.int64) for name in (IMPRESSIONS, CLICKS)}


_NOTHING = CountedPairs(*(np.empty(0, np.int64) for _ in CountedPairs._fields))


def _keyed(pairs: CountedPairs, items: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = (pairs.impressions.astype(np.uint32), pairs.clicks.astype(np.uint32))
    return pairs.users.astype(np.int64) * items + pairs.items, *counts
