"""Exact AUC with ties, its DeLong interval, and the paired DeLong test."""

import math
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054  # of a normal distribution lies within so many standard deviations


@dataclass(frozen=True)
class AucInterval:
    """An AUC and its 95% interval; each None where the rows do not define it."""

    auc: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class AucDifference:
    """The second model's AUC less the first one's on the same rows, its 95% interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p_value: float


def auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Area under the ROC curve, ties counting half; None where a class is absent. scores, labels: [n]."""
    positives, negatives = _by_class(scores, labels)
    return sorted_auc(np.sort(positives), np.sort(negatives))


def sorted_auc(positives: np.ndarray, negatives: np.ndarray) -> float | None:
    """The same of ascending scores by class."""
    pairs = len(positives) * len(negatives)
    if not pairs:
        return None
    # Whole numbers up to here: exact where summing fractions would round.
    doubled = int(_doubled_rank(positives, negatives).sum())
    return doubled / (2 * pairs)


def sorted_auc_interval(positives: np.ndarray, negatives: np.ndarray) -> AucInterval:
    """AUC and 95% interval (DeLong et al., 1988, as Sun and Xu, 2014, speed it up) of ascending scores by class.

    Normal on the AUC itself, cut at 0 and 1; no interval where a class has fewer than two rows.
    """
    value = sorted_auc(positives, negatives)
    if value is None or min(len(positives), len(negatives)) < 2:
        return AucInterval(value)
    of_positives, of_negatives = _placements(positives, negatives)
    margin = Z_95 * math.sqrt(of_positives.var(ddof=1) / len(positives) + of_negatives.var(ddof=1) / len(negatives))
    return AucInterval(value, max(value - margin, 0.0), min(value + margin, 1.0))


def auc_difference(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> AucDifference | None:
    """The paired DeLong test of two models' scores [n] on the same rows; None with fewer than two rows of a class."""
    sides = [_placements_in_place(scores, labels) for scores in (first, second)]
    (positives_a, negatives_a), (positives_b, negatives_b) = sides
    if min(len(positives_a), len(negatives_a)) < 2:
        return None
    of_positives, of_negatives = positives_b - positives_a, negatives_b - negatives_a
    difference = float(of_positives.mean())
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    deviation = math.sqrt(variance)
    if deviation == 0:
        return AucDifference(difference, difference, difference, float(difference == 0))
    p_value = math.erfc(abs(difference) / deviation / math.sqrt(2))
    margin = Z_95 * deviation
    return AucDifference(difference, difference - margin, difference + margin, p_value)


def _by_class(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    clicked = labels.astype(bool)
    return scores[clicked], scores[~clicked]


def _doubled_rank(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """For every value, twice the number of `ascending` below it and once that of its equals."""
    below = np.searchsorted(ascending, values, side="left")
    return below + np.searchsorted(ascending, values, side="right")


def _placements(positives: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of negatives below each positive, and of positives above each negative; ties count half."""
    of_positives = _doubled_rank(positives, negatives) / (2 * len(negatives))
    of_negatives = 1 - _doubled_rank(negatives, positives) / (2 * len(positives))
    return of_positives, of_negatives


def _placements_in_place(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The placements in the order of the rows, so that two models' can be paired."""
    positives, negatives = _by_class(scores, labels)
    if not len(positives) or not len(negatives):
        return positives, negatives
    of_positives = _doubled_rank(positives, np.sort(negatives)) / (2 * len(negatives))
    of_negatives = 1 - _doubled_rank(negatives, np.sort(positives)) / (2 * len(positives))
    return of_positives, of_negatives
