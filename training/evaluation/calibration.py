"""Calibration: how well predicted probabilities match observed click rates."""

import math
from dataclasses import dataclass

import numpy as np

from training.evaluation.auc import Z_95

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """The rows with predictions from low to below high: their number, mean prediction and observed click rate."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[ReliabilityBin]:
    """Group rows by prediction into 15 bins of equal width, without empty bins. probabilities, labels: [n]."""
    bin_of_row = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    rows, predicted, observed = (
        np.bincount(bin_of_row, weights=weights, minlength=BINS) for weights in (None, probabilities, labels)
    )
    return [
        ReliabilityBin(
            b / BINS, (b + 1) / BINS, int(rows[b]), float(predicted[b] / rows[b]), float(observed[b] / rows[b])
        )
        for b in np.flatnonzero(rows).tolist()
    ]


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Mean gap between predicted and observed click rate over the bins, weighted by rows (Naeini et al., AAAI 2015)."""
    total = sum(b.rows for b in bins)
    return sum(b.rows * abs(b.predicted - b.observed) for b in bins) / total


def normalised_entropy(logloss: float | None, click_rate: float | None) -> float | None:
    """Return the log loss divided by that of the click rate as everyone's prediction (He et al., ADKDD 2014).

    Below 1 the predictions say more than the click rate alone. None if there are no rows or all are of one class.
    """
    if logloss is None or click_rate is None or click_rate in (0, 1):
        return None
    return logloss / entropy_of(click_rate)


def entropy_of(rate: float) -> float:
    """Return the entropy of a click rate in nats: the log loss of predicting it for every row. 0 < rate < 1."""
    return -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))


def wilson_interval(shares: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95% interval of shares [n], each observed on `rows` [n] (Wilson, 1927). It stays within 0 and 1."""
    scale = 1 + Z_95**2 / rows
    middle = (shares + Z_95**2 / (2 * rows)) / scale
    margin = Z_95 / scale * np.sqrt(shares * (1 - shares) / rows + (Z_95 / (2 * rows)) ** 2)
    return middle - margin, middle + margin


def log_loss(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each row's binary cross entropy in nats, [n] float64. Computed from logits, it is finite at any confidence."""
    logits = logits.astype(np.float64)
    return np.logaddexp(0, logits) - labels * logits
