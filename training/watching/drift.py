"""Drift: how far values are now from where they were, as a population stability index (PSI)."""

from dataclasses import dataclass

import numpy as np

BINS = 10
LEAST_ROWS = 100  # with fewer, chance alone gives a PSI near 0.1


@dataclass(frozen=True)
class Bins:
    """Bins of features with about a tenth of the reference rows each. edges: for each feature, ascending."""

    edges: list[np.ndarray]

    @staticmethod
    def of(reference: np.ndarray) -> "Bins":
        """Divide the values of each feature at their deciles. reference: [m, F], with at least one row."""
        inner = np.arange(1, BINS) / BINS
        return Bins([np.unique(np.quantile(values, inner, method="higher")) for values in reference.T])

    def places(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each value, uint8 [n, F]. values: [n, F]."""
        places = np.empty(values.shape, dtype=np.uint8)
        for feature, edges in enumerate(self.edges):
            places[:, feature] = np.searchsorted(edges, values[:, feature], side="left")
        return places


def stability_index(before: np.ndarray, now: np.ndarray) -> np.ndarray | None:
    """Return the PSI of each feature (Siddiqi, 2006), [F]. None if there are fewer than 100 rows on a side.

    PSI = sum over bins of (now - before) * ln(now / before), of shares. Each side gets BINS / 2 rows more, spread over
    the bins as the rows of both sides together, so that a bin is empty on both sides or on none. Up to 0.1 is usually
    called stable, more than 0.25 shifted. before, now: bins, [m, F] and [n, F].
    """
    if min(len(before), len(now)) < LEAST_ROWS:
        return None
    counts_before, counts_now = _counts(before), _counts(now)
    added = BINS / 2 * (counts_before + counts_now) / (len(before) + len(now))
    shares_before = (counts_before + added) / (len(before) + BINS / 2)
    shares_now = (counts_now + added) / (len(now) + BINS / 2)
    ratio = np.divide(shares_now, shares_before, out=np.ones_like(added), where=added > 0)
    return ((shares_now - shares_before) * np.log(ratio)).sum(axis=1)


def _counts(places: np.ndarray) -> np.ndarray:
    """Return how many rows are in each bin of each feature, [F, BINS]."""
    features = places.shape[1]
    flat = places + BINS * np.arange(features)
    return np.bincount(flat.ravel(), minlength=BINS * features).reshape(features, BINS)
