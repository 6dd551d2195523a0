"""Clicks: drawn from the probability that the truth holds, which follows tastes, scenes, hours and days."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sample_logs.clicks import base_for_rate, sigmoid
from sample_logs.settings import SCENES
from tests.sample_logs.conftest import SMALL, Made, make


def test_labels_agree_with_their_probabilities_at_every_level(demo: Made) -> None:
    label, probability = demo.column("label"), demo.column("probability")
    for part in np.array_split(np.argsort(probability), 20):
        deviation = np.sqrt((probability[part] * (1 - probability[part])).sum())
        assert abs((label[part] - probability[part]).sum()) < 4 * deviation


@pytest.mark.parametrize("by", ["scene", "hour", "day", "user", "item", "user_activity", "item_popularity"])
def test_labels_agree_with_their_probabilities_in_every_group(demo: Made, by: str) -> None:
    """Nothing but the probability tells of the label: it would show as a group with more clicks than it says."""
    label, probability = demo.column("label"), demo.column("probability")
    rows = [len(demo.column("label", range(day, day + 1))) for day in range(demo.logs.settings.days)]
    group = {
        "scene": demo.column("scene"),
        "hour": demo.column("seconds") // 3600,
        "day": np.repeat(np.arange(len(rows)), rows),
        "user": demo.column("user") % 20,
        "item": demo.column("item") % 20,
        "user_activity": np.log2(demo.logs.users.weight[demo.column("user")]).astype(int),
        "item_popularity": np.log2(demo.logs.items.weight[demo.column("item")]).astype(int),
    }[by]
    for one in np.unique(group):
        chosen = group == one
        deviation = np.sqrt((probability[chosen] * (1 - probability[chosen])).sum())
        assert abs((label[chosen] - probability[chosen]).sum()) < 4 * deviation, one


def test_the_best_reachable_auc_is_what_the_probabilities_imply(demo: Made) -> None:
    label, probability = demo.column("label"), demo.column("probability")
    both = np.concatenate([np.ones_like(label), np.zeros_like(label)])  # each row as a click and as none, weighted
    implied = roc_auc_score(both, np.tile(probability, 2), sample_weight=np.concatenate([probability, 1 - probability]))
    assert roc_auc_score(label, probability) == pytest.approx(implied, abs=0.004)


def test_the_best_reachable_auc_leaves_something_to_learn_and_to_miss(demo: Made) -> None:
    assert 0.70 < roc_auc_score(demo.column("label"), demo.column("probability")) < 0.85


def test_scenes_have_their_own_click_rates(demo: Made) -> None:
    label, scene = demo.column("label"), demo.column("scene")
    for number, expected in enumerate(SCENES):
        assert label[scene == number].mean() == pytest.approx(expected.ctr, abs=0.015)


def test_the_click_rate_is_the_releases(demo: Made) -> None:
    assert demo.column("label").mean() == pytest.approx(0.337, abs=0.005)


def test_the_click_rate_rises_in_the_last_days(demo: Made) -> None:
    last = demo.logs.settings.days - 1
    assert demo.column("label", range(last, last + 1)).mean() > demo.column("label", range(4)).mean() + 0.02


def test_the_hour_matters(demo: Made) -> None:
    label, hour = demo.column("label"), demo.column("seconds") // 3600
    assert label[(hour >= 20) & (hour <= 22)].mean() > label[(hour >= 8) & (hour <= 10)].mean() + 0.05


def test_users_click_what_they_like(demo: Made) -> None:
    liking = demo.logs.users.taste[demo.column("user"), demo.logs.items.topics[demo.column("item"), 0]]
    label = demo.column("label")
    assert label[liking > 1].mean() > label[liking < -1].mean() + 0.15


def test_scenes_differ_in_the_topics_that_are_liked(demo: Made) -> None:
    """A topic's click rate in one scene says little of its rate in another."""
    topic, scene = demo.logs.items.topics[demo.column("item"), 0], demo.column("scene")
    topics = topic.max() + 1
    rates = np.array(
        [[demo.column("probability")[(scene == s) & (topic == k)].mean() for k in range(topics)] for s in (1, 2)]
    )
    assert np.nanstd(rates, axis=1).min() > 0.03
    assert np.corrcoef(rates)[0, 1] < 0.7


@pytest.mark.parametrize("rate", [0.01, 0.337, 0.9])
def test_the_base_gives_the_wanted_rate(rate: float) -> None:
    logit = np.random.default_rng(0).normal(size=1000)
    assert sigmoid(base_for_rate(logit, rate) + logit).mean() == pytest.approx(rate, abs=1e-9)


def test_when_tastes_change_the_dates_before_stay_and_what_was_likely_is_not_any_more() -> None:
    before, after = (make(replace(SMALL, tastes_change=change)) for change in (None, SMALL.dates[1]))
    first = range(1)
    assert np.array_equal(before.column("label", first), after.column("label", first))
    for same in ("user", "item", "seconds"):
        assert np.array_equal(before.column(same), after.column(same))
    then, now = (np.log(made.column("probability", range(1, 3))) for made in (before, after))
    assert np.corrcoef(then, now)[0, 1] < 0.5
    assert np.exp(now).mean() == pytest.approx(np.exp(then).mean(), abs=0.05)
