"""Whether predicted probabilities are what happens."""

from dataclasses import dataclass

import numpy as np

from training.evaluation.auc import Z_95

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose predicted probability lies in [low, high), the last bin including 1: what was said, what happened."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[ReliabilityBin]:
    """Fifteen bins of equal width over [0, 1]; empty ones are left out. probabilities, labels: [n]."""
    at = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    rows, predicted, observed = (
        np.bincount(at, weights=weights, minlength=BINS) for weights in (None, probabilities, labels)
    )
    return [
        ReliabilityBin(
            b / BINS, (b + 1) / BINS, int(rows[b]), float(predicted[b] / rows[b]), float(observed[b] / rows[b])
        )
        for b in np.flatnonzero(rows).tolist()
    ]


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Mean distance of predicted and observed click rate over the bins, weighted by rows (Naeini et al., AAAI 2015)."""
    total = sum(b.rows for b in bins)
    return sum(b.rows * abs(b.predicted - b.observed) for b in bins) / total


def wilson_interval(shares: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95% interval of shares observed on so many rows, each [n] (Wilson, 1927): never outside of 0 to 1."""
    scale = 1 + Z_95**2 / rows
    middle = (shares + Z_95**2 / (2 * rows)) / scale
    margin = Z_95 / scale * np.sqrt(shares * (1 - shares) / rows + (Z_95 / (2 * rows)) ** 2)
    return middle - margin, middle + margin


def log_loss(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Every row's binary cross entropy in nats, [n] float64, from logits: finite however sure the model is."""
    logits = logits.astype(np.float64)
    return np.logaddexp(0, logits) - labels * logits
