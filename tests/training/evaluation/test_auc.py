import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from training.evaluation.auc import auc, auc_difference, auc_interval
from training.evaluation.segments import FEWEST_ROWS


def random_rows(rng, n, values=None, rate=0.3):
    labels = (rng.random(n) < rate).astype(int)
    labels[:2] = labels[-2:] = 0, 1
    scores = rng.normal(size=n) + 0.7 * labels
    return (scores if values is None else np.round(scores * values) / values), labels


def written_out_placements(scores, labels):
    """Every positive against every negative."""
    positives, negatives = scores[labels == 1], scores[labels == 0]
    wins = np.array([[1.0 if p > q else 0.5 if p == q else 0.0 for q in negatives] for p in positives])
    return wins.mean(axis=1), wins.mean(axis=0)


@pytest.mark.parametrize("values", [None, 10, 1, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_auc_equals_scikit_learn_ties_included(seed, values):
    rng = np.random.default_rng(seed)
    scores, labels = random_rows(rng, int(rng.integers(5, 3000)), values)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_auc_of_float32_scores_equals_scikit_learn():
    scores, labels = random_rows(np.random.default_rng(0), 5000)
    assert auc(scores.astype(np.float32), labels) == pytest.approx(
        roc_auc_score(labels, scores.astype(np.float32)), abs=1e-12
    )


@pytest.mark.parametrize("values", [None, 3])
def test_auc_of_many_rows_equals_scikit_learn(values, monkeypatch):
    monkeypatch.setattr("training.evaluation.auc._BLOCK", 64)
    scores, labels = random_rows(np.random.default_rng(2), 5000, values)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("labels", [[], [1, 1], [0]])
def test_auc_is_undefined_without_both_classes(labels):
    assert auc(np.arange(len(labels), dtype=float), np.array(labels, dtype=int)) is None


@pytest.mark.parametrize("values", [None, 2])
@pytest.mark.parametrize("seed", range(4))
def test_interval_equals_delong_written_out(seed, values):
    scores, labels = random_rows(np.random.default_rng(seed), 150, values)
    of_positives, of_negatives = written_out_placements(scores, labels)
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    low, high = norm.interval(0.95, loc=of_positives.mean(), scale=math.sqrt(variance))
    found = auc_interval(scores, labels, np.arange(len(labels)))
    assert (found.low, found.high) == pytest.approx((max(low, 0), min(high, 1)), abs=1e-12)


def test_interval_covers_the_true_auc_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(3), 0
    true_auc = norm.cdf(1 / math.sqrt(2))
    for _ in range(400):
        labels = np.repeat([0, 1], [120, 60])
        found = auc_interval(rng.normal(size=180) + labels, labels, np.arange(180))
        covered += found.low <= true_auc <= found.high
    assert 0.91 <= covered / 400 <= 0.98


def test_interval_needs_two_users_of_each_class():
    labels = np.repeat([0, 1], FEWEST_ROWS)
    found = auc_interval(labels, labels, np.where(labels, FEWEST_ROWS, np.arange(2 * FEWEST_ROWS)))
    assert (found.auc, found.low, found.high) == (1.0, None, None)


@pytest.mark.parametrize("of_class", [0, 1])
def test_few_rows_of_a_class_have_an_auc_but_no_interval(of_class):
    few, enough = ((np.arange(300) < rows) == of_class for rows in (FEWEST_ROWS - 1, FEWEST_ROWS))
    found = auc_interval(few, few, np.arange(300))
    assert (found.auc, found.low, found.high) == (1.0, None, None)
    assert auc_interval(enough, enough, np.arange(300)).low == 1


def test_rows_that_a_user_repeats_do_not_make_an_auc_more_certain():
    scores, labels = random_rows(np.random.default_rng(4), 600)
    users = np.arange(600)
    plain = auc_interval(scores, labels, users)
    twice = auc_interval(np.tile(scores, 2), np.tile(labels, 2), np.tile(users, 2))
    assert (twice.low, twice.high) == pytest.approx((plain.low, plain.high), abs=1e-3)


def test_interval_stays_within_0_and_1():
    labels = np.repeat([0, 1], FEWEST_ROWS)
    scores = np.where(np.arange(2 * FEWEST_ROWS) == 0, 1.5, labels + np.arange(2 * FEWEST_ROWS) / 100)
    assert auc_interval(scores, labels, np.arange(len(labels))).high == 1.0


@pytest.mark.parametrize("values", [None, 2])
def test_paired_difference_equals_delong_written_out(values):
    rng = np.random.default_rng(11)
    first, labels = random_rows(rng, 200, values)
    second = first + rng.normal(scale=0.5, size=200)
    (pa, na), (pb, nb) = written_out_placements(first, labels), written_out_placements(second, labels)
    covariance = np.cov(pa, pb) / len(pa) + np.cov(na, nb) / len(na)
    deviation = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = auc_difference(first, second, labels, np.arange(200))
    assert found.difference == pytest.approx(pb.mean() - pa.mean(), abs=1e-12)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(pb.mean() - pa.mean()) / deviation), abs=1e-9)
    assert found.high - found.low == pytest.approx(2 * norm.ppf(0.975) * deviation, abs=1e-9)


def test_a_model_does_not_differ_from_itself():
    scores, labels = random_rows(np.random.default_rng(1), 100)
    found = auc_difference(scores, scores, labels, np.arange(len(labels)))
    assert (found.difference, found.p_value) == (0.0, 1.0)


def test_the_rows_of_a_user_count_as_dependent():
    """The deviation is that of a bootstrap that draws whole users. Rows taken as independent would give a lower one."""
    rng = np.random.default_rng(2)
    users = np.arange(60).repeat(10)
    taste, guess = rng.normal(size=60)[users], rng.normal(size=60)[users]
    labels = (2 * taste + rng.normal(size=600) > 0).astype(int)
    first, second = guess + 0.1 * rng.normal(size=600), guess + taste + 0.1 * rng.normal(size=600)
    found = auc_difference(first, second, labels, users)
    drawn = []
    for _ in range(400):
        rows = np.concatenate([np.flatnonzero(users == user) for user in rng.integers(60, size=60)])
        drawn.append(auc(second[rows], labels[rows]) - auc(first[rows], labels[rows]))
    assert (found.high - found.low) / 2 / norm.ppf(0.975) == pytest.approx(np.std(drawn), rel=0.12)
    independent = auc_difference(first, second, labels, np.arange(600))
    assert found.high - found.low > 1.5 * (independent.high - independent.low)
