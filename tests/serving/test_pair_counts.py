"""Counts of pairs in memory."""

from collections import Counter

import numpy as np
import pytest

from serving.pair_counts import CLICKS, IMPRESSIONS, CountedPairs, PairCounts, counts_with


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_the_counts_of_all_parts_are_added_up_by_pair(parts: int) -> None:
    rng, users, items = np.random.default_rng(parts), 9, 7
    counted = [
        CountedPairs(rng.integers(0, users - 1, 40), rng.integers(0, items, 40), rng.integers(1, 5, 40), np.arange(40))
        for _ in range(parts)
    ]
    impressions, clicks = Counter(), Counter()
    for part in counted:
        for user, item, shown, clicked in zip(*(column.tolist() for column in part), strict=True):
            impressions[user, item] += shown
            clicks[user, item] += clicked
    counts, asked = PairCounts(counted, users, items), np.array([6, 0, -1, 3, 3, 1])
    for user in (-1, *range(users)):
        found = counts_with(counts.of(user), asked)
        assert found[IMPRESSIONS].tolist() == [impressions[user, item] for item in asked.tolist()]
        assert found[CLICKS].tolist() == [clicks[user, item] for item in asked.tolist()]
    assert sum(array.nbytes for array in vars(counts).values()) == 12 * len(impressions) + 8 * (users + 1)
