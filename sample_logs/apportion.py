"""Split a number of rows into whole parts that add up exactly."""

import numpy as np


def apportion(total: int, weights: np.ndarray) -> np.ndarray:
    """Split `total` into whole parts in proportion to whole weights, by largest remainders. Parts add up to `total`."""
    exact = total * weights.astype(object)  # Python's integers, which cannot overflow
    whole = sum(weights.tolist())
    parts = (exact // whole).astype(np.int64)
    by_remainder = np.argsort(-(exact % whole), kind="stable")
    parts[by_remainder[: total - int(parts.sum())]] += 1
    return parts


def portions(counts: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Split `counts` [S] among groups of the given sizes, which add up to the same total. Returns int [groups, S]."""
    remaining = counts.copy()
    groups = []
    for size in sizes:
        groups.append(apportion(size, remaining))
        remaining = remaining - groups[-1]
    return np.stack(groups)
