"""The numeric features: log counts, rates and smoothed click odds, standardised on the training rows."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from warehouse.tables import SCENES, TRAIN

COUNTS = tuple(name for name, spark_type in TRAIN.columns if spark_type == "bigint")
RATES = tuple(name for name, spark_type in TRAIN.columns if spark_type == "double")
NUMERIC_COLUMNS = COUNTS + RATES

_HISTORIES = ("u_{}_7d", "u_{}_cum", "i_{}_7d", "i_{}_cum", "ui_{}_hist")
_IN_SCENE = ("u_{}_s{}", "i_{}_s{}")
EVIDENCE = tuple(name.format("odds") for name in _HISTORIES) + tuple(n.format("odds", "own") for n in _IN_SCENE)
FEATURE_NAMES = (*COUNTS, *RATES, *EVIDENCE)
# Features of the pair (ui_) are about both the user and the item. All are 0 without a history.
ABOUT_USER = np.array([name.startswith(("u_", "ui_")) for name in FEATURE_NAMES])
ABOUT_ITEM = np.array([name.startswith(("i_", "ui_")) for name in FEATURE_NAMES])

_LOG1P = np.log1p(np.arange(4096)).astype(np.float32)  # most counts are small, and a lookup is far faster
_PSEUDO_IMPRESSIONS = (
    10.0  # after this many impressions, the smoothed rate is halfway between the scene's rate and the observed one
)
_CONSTANT = 1e-6  # deviation: a column that varies less in training taught the model nothing
_LIMIT = 10.0  # standard deviations: a column that was nearly constant in training may jump later


def numeric_block(table: pa.Table, scene: np.ndarray, scene_ctr: np.ndarray) -> np.ndarray:
    """Return the numeric features before standardisation, float32 [n, len(FEATURE_NAMES)].

    scene: positions in SCENES, [n]. scene_ctr: click rates of the training rows by scene, each between 0 and 1.
    """
    counts = {name: _column(table, name) for name in COUNTS}
    block = np.empty((len(table), len(FEATURE_NAMES)), dtype=np.float32)
    columns = iter(block.T)
    for name in COUNTS:
        next(columns)[:] = log1p_counts(counts[name])
    for name in RATES:
        next(columns)[:] = _column(table, name)
    prior, rows = scene_ctr[scene], np.arange(len(scene))
    for name in _HISTORIES:
        next(columns)[:] = evidence(counts[name.format("clk")], counts[name.format("imp")], prior)
    for name in _IN_SCENE:
        clicks, impressions = (
            np.stack([counts[name.format(kind, number)] for number in SCENES])[scene, rows] for kind in ("clk", "imp")
        )
        next(columns)[:] = evidence(clicks, impressions, prior)
    return block


def log1p_counts(counts: np.ndarray) -> np.ndarray:
    """Return log(1 + count) of counts of 0 or more, float32 [n]."""
    logs = _LOG1P.take(counts, mode="clip")
    large = counts >= len(_LOG1P)
    if large.any():
        logs[large] = np.log1p(counts[large])
    return logs


def evidence(clicks: np.ndarray, impressions: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return how far the clicks in a history move the log odds of a click away from a prior rate, [n].

    The rate is smoothed by the mean of a beta-binomial model. Without impressions, the result is 0.
    """
    hits = clicks + _PSEUDO_IMPRESSIONS * prior
    misses = np.maximum(impressions - clicks, 0) + _PSEUDO_IMPRESSIONS * (1 - prior)
    return np.log(hits / misses) - np.log(prior / (1 - prior))


@dataclass(frozen=True)
class Standardiser:
    """Scales features to mean 0 and deviation 1.

    mean: [N]. scale: 1 / standard deviation, [N], or 0 for a feature that is constant in the training rows.
    """

    mean: np.ndarray
    scale: np.ndarray

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Standardise features [n, N] in place, and clip them to +-10. Features constant in training become 0."""
        block -= self.mean.astype(np.float32)
        block *= self.scale.astype(np.float32)
        return np.clip(block, -_LIMIT, _LIMIT, out=block)


class Moments:
    """The mean and variance of features, accumulated block by block (Chan et al., 1979)."""

    def __init__(self) -> None:
        self._rows = 0
        self._mean = np.zeros(len(FEATURE_NAMES))
        self._squares = np.zeros(len(FEATURE_NAMES))

    def add(self, block: np.ndarray) -> None:
        """Add n rows [n, N]; n must be at least 1."""
        rows, mean = len(block), block.mean(axis=0, dtype=np.float64)
        shift, total = mean - self._mean, self._rows + rows
        self._squares += block.var(axis=0, dtype=np.float64) * rows + shift**2 * self._rows * rows / total
        self._mean += shift * rows / total
        self._rows = total

    def standardiser(self) -> Standardiser:
        """Return a standardiser for the rows that were added."""
        deviation = np.sqrt(self._squares / self._rows)
        varies = deviation > _CONSTANT
        return Standardiser(self._mean.copy(), np.where(varies, 1 / np.where(varies, deviation, 1), 0))


def _column(table: pa.Table, name: str) -> np.ndarray:
    """Return a column with 0 for values that are absent: null, and NaN, which frames from elsewhere may have."""
    column = table[name]
    values = (column.fill_null(0) if column.null_count else column).to_numpy()
    return np.nan_to_num(values, nan=0.0) if values.dtype.kind == "f" else values
