"""Levelled entropy against a grid of levels, and its error against samples of users."""

import math

import numpy as np
import pytest

from training.watching.levelled_entropy import levelled_entropy

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
