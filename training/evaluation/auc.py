"""Exact AUC with ties, its DeLong interval, and the paired DeLong test of two models."""

import math
from dataclasses import dataclass

import numpy as np

from training.evaluation.segments import FEWEST_ROWS

Z_95 = 1.959963984540054  # 95% of a normal distribution lies within this many standard deviations of its mean
_BLOCK = 4096  # values looked up at a time, so that the values around them stay in the processor's cache


@dataclass(frozen=True)
class AucInterval:
    """An AUC and its 95% interval. A value is None if there are too few rows for it."""

    auc: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class AucDifference:
    """The AUC of a second model minus that of a first on the same rows, with 95% interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p_value: float


def auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Compute the area under the ROC curve; ties count half. None if all labels are equal. scores, labels: [n]."""
    positives, negatives = _ascending_by_class(scores, labels)
    return _area(_doubled_rank(positives, negatives), len(negatives))


def auc_interval(scores: np.ndarray, labels: np.ndarray, users: np.ndarray) -> AucInterval:
    """Compute AUC and its 95% interval. scores, labels: [n]. users: one number per user, [n].

    A user's rows count as one cluster (Obuchowski, 1997). If every row has a user of its own, the interval is that of
    DeLong et al., 1988. The AUC is assumed to be normally distributed, and the interval is cut off at 0 and 1. It is
    None if a class has fewer than FEWEST_ROWS rows, or rows of fewer than two users.
    """
    of_positives, of_negatives = _doubled_ranks(scores, labels)
    value = _area(of_positives, len(of_negatives))
    if value is None or min(len(of_positives), len(of_negatives)) < FEWEST_ROWS:
        return AucInterval(value)
    deviation = _deviation(*_shares(of_positives, of_negatives), labels, users)
    if deviation is None:
        return AucInterval(value)
    margin = Z_95 * deviation
    return AucInterval(value, max(value - margin, 0.0), min(value + margin, 1.0))


def auc_difference(
    first: np.ndarray, second: np.ndarray, labels: np.ndarray, users: np.ndarray
) -> AucDifference | None:
    """Test two models' scores on the same rows: the paired DeLong test for rows that depend on each other by user.

    A user's rows count as one cluster (Obuchowski, 1997). If every row has a user of its own, this is DeLong's test.
    None if a class has rows of fewer than two users. first, second, labels: [n]. users: one number per user, [n].
    """
    (positives_a, negatives_a), (positives_b, negatives_b) = _placements(first, labels), _placements(second, labels)
    # Row by row, how much more of the other class is on the right side of it.
    of_positives, of_negatives = positives_b - positives_a, negatives_b - negatives_a
    deviation = _deviation(of_positives, of_negatives, labels, users)
    if deviation is None:
        return None
    difference = float(of_positives.mean())
    if deviation == 0:
        return AucDifference(difference, difference, difference, float(difference == 0))
    p_value = math.erfc(abs(difference) / deviation / math.sqrt(2))
    margin = Z_95 * deviation
    return AucDifference(difference, difference - margin, difference + margin, p_value)


def _deviation(
    of_positives: np.ndarray, of_negatives: np.ndarray, labels: np.ndarray, users: np.ndarray
) -> float | None:
    """Return the standard deviation of the mean placement. None if a class has rows of fewer than two users."""
    clicked = labels.astype(bool)
    users_of_positives, users_of_negatives = users[clicked], users[~clicked]
    clusters = [len(np.unique(of)) for of in (users_of_positives, users_of_negatives, users)]
    if min(clusters) < 2:
        return None
    size = int(users.max()) + 1
    by_user = [
        np.bincount(of, weights=placed - placed.mean(), minlength=size) / len(placed)
        for of, placed in ((users_of_positives, of_positives), (users_of_negatives, of_negatives))
    ]
    products = (by_user[0] ** 2, by_user[1] ** 2, 2 * by_user[0] * by_user[1])
    variance = sum(of.sum() * count / (count - 1) for of, count in zip(products, clusters, strict=True))
    return math.sqrt(max(variance, 0.0))


def _by_class(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    clicked = labels.astype(bool)
    return scores.compress(clicked), scores.compress(~clicked)  # takes half the time of scores[clicked]


def _ascending_by_class(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positives, negatives = _by_class(scores, labels)
    positives.sort()
    negatives.sort()
    return positives, negatives


def _doubled_rank(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """For each value, count the elements of `ascending` below it twice, and those equal to it once, int64.

    This is fastest if `values` are sorted too: each block of them then lies within a short part of `ascending`.
    """
    doubled = np.empty(len(values), dtype=np.int64)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        first = np.searchsorted(ascending, block.min(), side="left")
        last = np.searchsorted(ascending, block.max(), side="right")
        near = ascending[first:last]
        below, up_to = (np.searchsorted(near, block, side=side) for side in ("left", "right"))
        doubled[start : start + _BLOCK] = 2 * first + below + up_to
    return doubled


def _area(doubled: np.ndarray, negatives: int) -> float | None:
    """Compute the AUC from the positives' doubled ranks among the negatives. negatives: the number of negatives."""
    pairs = len(doubled) * negatives
    # The sum is of whole numbers and therefore exact; a sum of fractions would round.
    return int(doubled.sum()) / (2 * pairs) if pairs else None


def _placements(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the share of negatives below each positive, and of positives above each negative; ties count half.

    Both are in the order of the rows, so that those of two models can be paired. Without a class they mean nothing.
    """
    return _shares(*_doubled_ranks(scores, labels))


def _doubled_ranks(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the doubled ranks of the positives among the negatives, and of the negatives among the positives."""
    positives, negatives = _by_class(scores, labels)
    return _doubled_rank(positives, np.sort(negatives)), _doubled_rank(negatives, np.sort(positives))


def _shares(of_positives: np.ndarray, of_negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pairs = [2 * max(len(others), 1) for others in (of_negatives, of_positives)]
    return of_positives / pairs[0], 1 - of_negatives / pairs[1]
