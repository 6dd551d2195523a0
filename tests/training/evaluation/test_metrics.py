import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from training.evaluation.calibration import (
    expected_calibration_error,
    log_loss,
    normalised_entropy,
    reliability,
    wilson_interval,
)
from training.evaluation.gauc import gauc


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_gauc_equals_a_loop_over_users(seed, ties):
    rng = np.random.default_rng(seed)
    users, labels, scores = rng.integers(0, 80, 1000), rng.integers(0, 2, 1000), rng.normal(size=1000)
    labels[users < 10] = 1
    scores = np.round(scores, 0 if ties else 12)
    total = weight = 0.0
    for user in np.unique(users):
        of_user = users == user
        if len(np.unique(labels[of_user])) == 2:
            total += of_user.sum() * roc_auc_score(labels[of_user], scores[of_user])
            weight += of_user.sum()
    assert gauc(scores, labels, users) == pytest.approx(total / weight, abs=1e-12)


def test_gauc_is_undefined_where_no_user_has_both_classes():
    assert gauc(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1]), np.array([4, 5, 5])) is None


def test_gauc_is_undefined_without_rows():
    assert gauc(np.array([]), np.array([], dtype=int), np.array([], dtype=int)) is None


def test_calibration_error_equals_a_loop_over_bins():
    rng = np.random.default_rng(2)
    probabilities = np.append(rng.random(2000), [0.0, 1.0])
    labels = (rng.random(2002) < probabilities**2).astype(int)
    expected = 0.0
    for low in range(15):
        chosen = (probabilities >= low / 15) & ((probabilities < (low + 1) / 15) | (low == 14))
        expected += chosen.mean() * abs(probabilities[chosen].mean() - labels[chosen].mean())
    bins = reliability(probabilities, labels)
    assert expected_calibration_error(bins) == pytest.approx(expected, abs=1e-12)
    assert sum(b.rows for b in bins) == 2002


def test_empty_bins_are_left_out():
    assert [b.rows for b in reliability(np.array([0.5, 0.52]), np.array([0, 1]))] == [2]


@pytest.mark.parametrize(("clicks", "rows"), [(0, 1), (1, 1), (0, 40), (3, 7), (900, 5000)])
def test_interval_of_a_click_rate_equals_scipy(clicks, rows):
    low, high = wilson_interval(np.array([clicks / rows]), np.array([rows]))
    expected = binomtest(clicks, rows).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_log_loss_equals_scikit_learn_and_stays_finite():
    rng = np.random.default_rng(4)
    logits, labels = rng.normal(size=500), rng.integers(0, 2, 500)
    probabilities = 1 / (1 + np.exp(-logits))
    assert log_loss(logits, labels).mean() == pytest.approx(sklearn_log_loss(labels, probabilities), abs=1e-12)
    assert log_loss(np.array([1e4], dtype=np.float32), np.array([0])).tolist() == [1e4]


def test_predicting_the_click_rate_has_a_normalised_entropy_of_1() -> None:
    label = np.array([1, 0, 0, 1, 0])
    loss = -np.mean([math.log(0.4 if clicked else 0.6) for clicked in label])
    assert normalised_entropy(loss, 0.4) == pytest.approx(1)
    assert normalised_entropy(loss / 2, 0.4) == pytest.approx(0.5)
    assert normalised_entropy(0.1, 0.0) is None
    assert normalised_entropy(None, None) is None
