"""Exact splits of rows."""

import numpy as np


def apportion(total: int, weights: np.ndarray) -> np.ndarray:
    """`total` in whole parts in proportion to whole weights, by largest remainders. The parts add up exactly."""
    exact = total * weights.astype(object)  # Python's integers: no size of logs overflows them
    whole = sum(weights.tolist())
    parts = (exact // whole).astype(np.int64)
    by_remainder = np.argsort(-(exact % whole), kind="stable")
    parts[by_remainder[: total - int(parts.sum())]] += 1
    return parts


def portions(counts: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Rows by scene `counts` [S] dealt out to groups of the given sizes, which add up to them: int [groups, S]."""
    left = counts.copy()
    dealt = []
    for size in sizes:
        dealt.append(apportion(size, left))
        left = left - dealt[-1]
    return np.stack(dealt)
