"""Normalised entropy at the rows' own level: how much predictions say about who clicks, whatever the click rate is."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from training.evaluation.calibration import entropy_of, log_loss
from training.evaluation.segments import FEWEST_ROWS

_FARTHEST = 100.0  # logits: no level lies farther from any prediction


class LevelledEntropy(NamedTuple):
    """A normalised entropy and its standard error, with a user's rows as one cluster."""

    value: float
    error: float


def levelled_entropy(logits: np.ndarray, labels: np.ndarray, users: np.ndarray) -> LevelledEntropy | None:
    """Compute normalised entropy (He et al., ADKDD 2014) after all logits are shifted so as to predict the clicks.

    It does not rise if only the click rate changes. 1 is as good as knowing the click rate alone. None if all rows are
    of one user, or if a class has fewer than FEWEST_ROWS rows: the standard error would then be far from the truth.
    logits, labels: [n]. users: one number per user, [n].
    """
    clicks, clusters = int(labels.sum()), len(np.unique(users))
    if min(clicks, len(labels) - clicks) < FEWEST_ROWS or clusters < 2:
        return None
    rate = clicks / len(labels)
    logits = np.clip(logits.astype(np.float64), -_FARTHEST / 2, _FARTHEST / 2)
    shift = brentq(lambda level: expit(logits + level).mean() - rate, -_FARTHEST, _FARTHEST)
    losses = log_loss(logits + shift, labels)
    mean = float(losses.mean())
    entropy = entropy_of(rate)
    # What each row adds to the ratio (the delta method). The shift adds nothing, because the loss is least there.
    slope = math.log((1 - rate) / rate)  # of the entropy, by the click rate
    influence = (losses - mean) / entropy - mean / entropy**2 * slope * (labels - rate)
    by_user = np.bincount(users, weights=influence) / len(labels)
    error = math.sqrt((by_user**2).sum() * clusters / (clusters - 1))
    return LevelledEntropy(mean / entropy, error)
