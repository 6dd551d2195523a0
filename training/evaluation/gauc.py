"""GAUC: the AUC within each user, averaged over users."""

import numpy as np


def gauc(scores: np.ndarray, labels: np.ndarray, users: np.ndarray) -> float | None:
    """Return the mean of the users' AUCs, weighted by impressions (Zhu et al., KDD 2017). Ties count half.

    scores, labels, users (whole numbers): [n]. Users with only one class are left out. None if no user is left.
    """
    order = np.lexsort((scores, users))
    scores, users, clicked = scores[order], users[order], labels[order].astype(bool)
    new_user = np.concatenate(([True], users[1:] != users[:-1]))[: len(users)]
    new_value = new_user | np.concatenate(([True], scores[1:] != scores[:-1]))[: len(users)]
    user = np.cumsum(new_user) - 1
    rows = np.bincount(user)
    positives = np.bincount(user, weights=clicked)
    first_row = np.flatnonzero(new_user)
    rank_sums = np.bincount(user, weights=np.where(clicked, _midranks(new_value) - first_row[user], 0.0))
    has_both = (positives > 0) & (positives < rows)
    if not has_both.any():
        return None
    rows, positives, rank_sums = rows[has_both], positives[has_both], rank_sums[has_both]
    user_aucs = (rank_sums - positives * (positives + 1) / 2) / (positives * (rows - positives))
    return float(np.average(user_aucs, weights=rows))


def _midranks(new_value: np.ndarray) -> np.ndarray:
    """Return the ranks of sorted rows, from 1. Ties share their mean rank. new_value: [n], where the value changes."""
    starts = np.flatnonzero(new_value)
    lengths = np.diff(starts, append=len(new_value))
    return np.repeat(starts + (lengths + 1) / 2, lengths)
