"""Drift, against a loop over rows, and where no drift is known."""

import math

import numpy as np
import pytest

from training.watching.drift import BINS, LEAST_ROWS, Bins, stability_index

RNG = np.random.default_rng(7)


def drift(before: np.ndarray, now: np.ndarray) -> np.ndarray | None:
    bins = Bins.of(before)
    return stability_index(bins.places(before), bins.places(now))


def slow_drift(before: np.ndarray, now: np.ndarray) -> float:
    """The index of one feature, bin by bin."""
    ascending = np.sort(before)
    edges = sorted({ascending[math.ceil(tenth / 10 * (len(before) - 1))] for tenth in range(1, 10)})
    total = 0.0
    for low, high in zip([-math.inf, *edges], [*edges, math.inf], strict=True):
        counts = [sum(low < value <= high for value in side) for side in (before, now)]
        if any(counts):
            added = BINS / 2 * sum(counts) / (len(before) + len(now))
            old, new = ((c + added) / (len(side) + BINS / 2) for c, side in zip(counts, (before, now), strict=True))
            total += (new - old) * math.log(new / old)
    return total


def test_a_stability_index_compares_shares_of_rows_in_tenths_of_the_reference() -> None:
    before, now = RNG.normal(size=(500, 3)), RNG.normal([0, 1, 0], size=(300, 3))
    before[:, 1], now[:, 1] = before[:, 1].round(), now[:, 1].round()
    before[:, 2], now[:, 2] = 0, now[:, 2] > 0  # a value that the reference lacks
    found = drift(before, now)
    assert found == pytest.approx([slow_drift(before[:, feature], now[:, feature]) for feature in range(3)])
    assert min(found[1:]) > 0.25 > 0.1 > found[0]
    assert drift(before, now[: LEAST_ROWS - 1]) is None


def test_what_stays_the_same_has_no_drift_however_many_rows_there_are() -> None:
    constant, rare = np.zeros(14_000), np.arange(14_000) % 50 == 0
    before = np.stack([constant, rare], axis=1)
    assert drift(before, before[:LEAST_ROWS]) == pytest.approx([0, 0], abs=1e-4)
    assert drift(before[:LEAST_ROWS], before) == pytest.approx([0, 0], abs=1e-4)
