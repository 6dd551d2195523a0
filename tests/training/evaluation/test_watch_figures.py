"""Levelled entropy, the interval of AUC by user, and drift, each against a slow or obvious recomputation."""

import math

import numpy as np
import pytest

from training.evaluation.auc import auc_interval
from training.evaluation.drift import BINS, LEAST_ROWS, Bins, stability_index
from training.evaluation.levelled_entropy import levelled_entropy

RNG = np.random.default_rng(7)
USERS = np.repeat(np.arange(150), 4)
LOGITS = np.repeat(RNG.normal(size=150), 4) + RNG.normal(scale=0.5, size=600) - 1
LABELS = (RNG.random(600) < 1 / (1 + np.exp(-LOGITS))).astype(int)


def slow_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The least mean loss over a fine grid of levels, divided by that of the click rate."""
    levels = np.arange(-3, 3, 0.001)[:, None]
    shown = 1 / (1 + np.exp(-(logits + levels)))
    losses = -np.log(np.where(labels == 1, shown, 1 - shown)).mean(axis=1)
    rate = labels.mean()
    return losses.min() / -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))


def test_entropy_is_levelled_at_the_rows_own_click_rate() -> None:
    found = levelled_entropy(LOGITS, LABELS, USERS)
    assert found.value == pytest.approx(slow_entropy(LOGITS, LABELS), abs=1e-6)
    assert levelled_entropy(LOGITS + 2, LABELS, USERS) == pytest.approx(found)


def test_the_error_of_entropy_is_that_of_drawing_users() -> None:
    rows_of = [np.flatnonzero(user == USERS) for user in range(150)]
    drawn = []
    for _ in range(200):
        rows = np.concatenate([rows_of[user] for user in RNG.integers(150, size=150)])
        drawn.append(levelled_entropy(LOGITS[rows], LABELS[rows], np.repeat(np.arange(150), 4)).value)
    assert levelled_entropy(LOGITS, LABELS, USERS).error == pytest.approx(np.std(drawn), rel=0.2)


NINE, TEN = np.arange(600) < 9, np.arange(600) < 10


@pytest.mark.parametrize("labels", [LABELS * 0, LABELS * 0 + 1, LABELS[:0], NINE * 1, 1 - NINE])
def test_too_few_rows_of_a_class_have_no_entropy(labels: np.ndarray) -> None:
    assert levelled_entropy(LOGITS[: len(labels)], labels, USERS[: len(labels)]) is None
    assert levelled_entropy(LOGITS, TEN * 1, USERS)


def test_rows_that_a_user_repeats_do_not_make_an_auc_more_certain() -> None:
    alone = np.arange(600)
    plain = auc_interval(LOGITS, LABELS, alone)
    twice = auc_interval(np.tile(LOGITS, 2), np.tile(LABELS, 2), np.tile(alone, 2))
    assert (twice.low, twice.high) == pytest.approx((plain.low, plain.high), abs=1e-3)
    assert auc_interval(LOGITS, LABELS * 0, alone).auc is None


def test_a_stability_index_compares_shares_of_rows_in_tenths_of_the_reference() -> None:
    before, now = RNG.normal(size=(500, 2)), RNG.normal([0, 1], size=(300, 2))
    before[:, 1], now[:, 1] = before[:, 1].round(), now[:, 1].round()
    bins = Bins.of(before)
    found = stability_index(bins.places(before), bins.places(now))
    for feature in range(2):
        edges = sorted({np.sort(before[:, feature])[math.ceil(tenth / 10 * 499)] for tenth in range(1, 10)})
        counts = np.zeros((2, BINS))
        for side, values in enumerate((before, now)):
            for value in values[:, feature]:
                counts[side, sum(edge < value for edge in edges)] += 1
        old, new = ((count + 0.5) / (count.sum() + BINS / 2) for count in counts)
        assert found[feature] == pytest.approx(sum((n - o) * math.log(n / o) for o, n in zip(old, new, strict=True)))
    assert found[1] > 0.25 > 0.1 > found[0]
    assert stability_index(bins.places(before), bins.places(now[: LEAST_ROWS - 1])) is None
