"""Who is shown what, and when: shares of scenes, newcomers, heavy tails, hours."""

from collections import Counter

import numpy as np
import pytest

from sample_logs.apportion import apportion, portions
from sample_logs.settings import SCENES, Settings
from sample_logs.traffic import rows_by_day
from tests.sample_logs.conftest import Made, make

RELEASE = [653_257, 2_757_994, 5_698_072, 1_269_308, 812_354]  # the AntM2C release's rows by scene


def by_largest_remainders(total: int, weights: list[int]) -> list[int]:
    """A seat at a time to whom the floor leaves the largest remainder."""
    parts = [total * weight // sum(weights) for weight in weights]
    while sum(parts) < total:
        short = [total * weight - part * sum(weights) for weight, part in zip(weights, parts, strict=True)]
        parts[short.index(max(short))] += 1
    return parts


def rows_a_user_and_item(made: Made, name: str, days: range | None = None) -> np.ndarray:
    count = {"user": made.logs.settings.users, "item": made.logs.settings.items}[name]
    return np.bincount(made.column(name, days), minlength=count)


def level_shares(made: Made, name: str) -> dict[str, float]:
    """Shares of the last day's rows by how often their user or item was seen in the twelve days before."""
    last = made.logs.settings.days - 1
    seen = Counter(made.column(name, range(last - 12, last)).tolist())
    today = made.column(name, range(last, last + 1)).tolist()
    levels = ["zero" if not seen[one] else "few" if seen[one] <= 5 else "warm" for one in today]
    return {level: count / len(levels) for level, count in Counter(levels).items()}


@pytest.mark.parametrize("seed", range(5))
def test_apportioned_parts_are_the_largest_remainders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(50):
        total, weights = int(rng.integers(0, 1000)), rng.integers(1, 100, 6)
        assert apportion(total, weights).tolist() == by_largest_remainders(total, weights.tolist())


def test_portions_deal_out_every_row_to_groups_of_the_sizes_asked_for() -> None:
    counts, sizes = np.array([7, 0, 23, 1]), [10, 10, 11]
    dealt = portions(counts, sizes)
    assert dealt.sum(axis=0).tolist() == counts.tolist()
    assert dealt.sum(axis=1).tolist() == sizes


def test_scenes_have_the_releases_share_of_rows_exactly(demo: Made) -> None:
    counted = np.bincount(demo.column("scene"), minlength=len(SCENES)).tolist()
    assert counted == by_largest_remainders(demo.logs.settings.rows, RELEASE)


@pytest.mark.parametrize(("rows", "days"), [(14, 14), (10_007, 5), (999_999, 30)])
def test_every_date_has_the_scenes_in_their_shares(rows: int, days: int) -> None:
    counts = rows_by_day(Settings(rows=rows, days=days, users=200, items=200))
    exact = counts.sum(axis=1, keepdims=True) * np.array(RELEASE) / sum(RELEASE)
    assert counts.sum() == rows
    assert np.abs(counts - exact).max() < 2


def test_an_item_is_in_one_scene(demo: Made) -> None:
    pairs = set(zip(demo.column("item").tolist(), demo.column("scene").tolist(), strict=True))
    assert len(pairs) == len({item for item, _ in pairs})


def test_scenes_have_the_releases_shares_of_users(demo: Made) -> None:
    members = demo.logs.users.in_scene
    shares = np.array([34_569, 46_717, 67_133, 28_407, 14_930]) / 67_624
    assert members.mean(axis=0) == pytest.approx(shares, abs=1e-3)
    assert members.any(axis=1).all()


def test_users_are_shown_the_scenes_they_visit_only(demo: Made) -> None:
    assert demo.logs.users.in_scene[demo.column("user"), demo.column("scene")].all()


def test_nobody_is_seen_before_the_day_of_birth(demo: Made) -> None:
    for day in range(demo.logs.settings.days):
        assert (demo.logs.users.birth[demo.column("user", range(day, day + 1))] <= day).all()
        assert (demo.logs.items.birth[demo.column("item", range(day, day + 1))] <= day).all()


def test_newcomers_are_seen_for_the_first_time_on_every_later_day(demo: Made) -> None:
    for name in ("user", "item"):
        seen = set(demo.column(name, range(1)).tolist())
        for day in range(1, demo.logs.settings.days):
            today = set(demo.column(name, range(day, day + 1)).tolist())
            assert today - seen, (name, day)
            seen |= today


@pytest.mark.parametrize("name", ["user", "item"])
def test_zero_few_and_warm_all_occur_on_the_last_day(demo: Made, name: str) -> None:
    shares = level_shares(demo, name)
    assert min(shares[level] for level in ("zero", "few", "warm")) > 0.02
    assert shares["warm"] > 0.5


def test_unseen_items_make_at_least_four_percent_of_a_validation_day(demo: Made) -> None:
    assert level_shares(demo, "item")["zero"] >= 0.04


@pytest.mark.parametrize(("name", "least"), [("user", 0.12), ("item", 0.25)])
def test_popularity_is_heavy_tailed(demo: Made, name: str, least: float) -> None:
    """The busiest hundredth has many times a hundredth of the rows, the quieter half little, and nobody all."""
    counts = np.sort(rows_a_user_and_item(demo, name))[::-1]
    assert counts[: len(counts) // 100].sum() / counts.sum() > least
    assert counts[len(counts) // 2 :].sum() / counts.sum() < 0.3
    assert counts[0] / counts.sum() < 0.05


def test_there_is_little_traffic_at_night_and_most_in_the_evening(demo: Made) -> None:
    by_hour = np.bincount(demo.column("seconds") // 3600, minlength=24)
    assert by_hour[3] * 10 < by_hour[20]
    assert by_hour.argmax() in (20, 21)


def test_seconds_lie_within_the_day(demo: Made) -> None:
    seconds = demo.column("seconds")
    assert seconds.min() >= 0
    assert seconds.max() < 86_400


def test_logs_of_as_many_rows_as_dates_have_one_a_date() -> None:
    made = make(Settings(rows=4, days=4, users=200, items=200))
    assert [len(blocks[0].user) for blocks in made.days] == [1] * 4
