"""Tiles: every day of a span once, from few partitions."""

import math
import random
from datetime import date, timedelta

import pytest

from tests.warehouse.conftest import dates_from
from warehouse.calendar_days import days, days_before
from warehouse.pair_tiles import Cover, cover, tile_days

FIRST = "2023-07-01"


def days_of_tile(end: str) -> list[str]:
    return [(date.fromisoformat(end) - timedelta(days=i)).isoformat() for i in range(tile_days(end))]


def days_of(found: Cover) -> list[str]:
    """Every day that the cover counts, each as often as it is counted."""
    of_tiles = [day for end in found.tiles for day in days_of_tile(end)]
    return sorted([*of_tiles, *found.daily, *found.absent])


def fewest_parts(number: int, last: str) -> int:
    """Brute force: the least number of tiles and days that make up the `number` days up to `last`."""
    ends = dates_from(days_before(last, number - 1), number)
    least = [0]
    for length in range(1, number + 1):
        spans = {1, tile_days(ends[length - 1])}
        least.append(1 + min(least[length - span] for span in spans if span <= length))
    return least[-1]


@pytest.mark.parametrize("seed", range(20))
def test_each_day_with_logs_is_counted_exactly_once_and_no_other(seed: int) -> None:
    rng = random.Random(seed)
    last = days_before("2024-03-01", rng.randrange(200))
    first = days_before(last, rng.randrange(150))
    tiles = {day for day in days(FIRST, "2024-03-01") if rng.random() < 0.7}
    share = rng.choice([0.02, 0.8])
    logs = {day for day in days("2023-01-01", "2024-03-01") if rng.random() < share}
    found = cover(first, last, tiles.__contains__, logs.__contains__)
    assert [day for day in days_of(found) if day in logs] == [day for day in days(first, last) if day in logs]
    assert set(found.tiles) <= tiles
    assert set(found.daily) <= logs


@pytest.mark.parametrize("seed", range(20))
def test_each_day_of_the_span_is_in_a_tile_read_alone_or_absent(seed: int) -> None:
    """What is absent is named, so that its late arrival is noticed."""
    rng = random.Random(seed)
    tiles = {day for day in days(FIRST, "2024-03-01") if rng.random() < 0.5}
    logs = {day for day in days("2023-01-01", "2024-03-01") if rng.random() < 0.5}
    found = cover("2023-08-10", "2023-12-24", tiles.__contains__, logs.__contains__)
    assert [day for day in days_of(found) if day >= "2023-08-10"] == days("2023-08-10", "2023-12-24")
    assert not set(found.absent) & logs


@pytest.mark.parametrize("number", [1, 2, 3, 7, 64, 65, 100, 365, 1000])
def test_a_whole_history_is_read_from_about_log2_of_its_length_parts(number: int) -> None:
    for last in dates_from(FIRST, 70):
        first = days_before(last, number - 1)
        found = cover(first, last, lambda _: True, lambda day, first=first: day >= first)
        assert len(found.tiles) + len(found.daily) <= math.log2(number) + 2


@pytest.mark.parametrize("number", [1, 2, 3, 7, 64, 65, 100, 365])
def test_a_part_of_a_history_is_read_from_the_fewest_parts_there_are(number: int) -> None:
    for last in dates_from(FIRST, 8):
        found = cover(days_before(last, number - 1), last, lambda _: True, lambda _: True)
        assert len(found.tiles) + len(found.daily) == fewest_parts(number, last)


def test_without_tiles_every_day_is_read_alone() -> None:
    found = cover(FIRST, "2023-07-31", lambda _: False, lambda _: True)
    assert (found.tiles, sorted(found.daily), found.absent) == ([], days(FIRST, "2023-07-31"), [])


def test_no_days_have_no_parts() -> None:
    assert cover("2023-07-02", FIRST, lambda _: True, lambda _: True) == Cover()


def test_a_tile_that_counts_logs_before_the_span_is_not_used() -> None:
    longest = max(dates_from(FIRST, 64), key=tile_days)
    found = cover(longest, longest, lambda _: True, lambda _: True)
    assert (found.tiles, found.daily) == ([], [longest])


def test_a_tile_spans_the_largest_power_of_two_that_divides_its_days_number() -> None:
    for day in dates_from(FIRST, 300):
        number = date.fromisoformat(day).toordinal()
        assert tile_days(day) == max(2**k for k in range(20) if number % 2**k == 0)


def test_days_are_calendar_days_over_a_leap_day_and_a_new_year() -> None:
    assert days("2024-02-28", "2024-03-01") == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert days("2024-03-01", "2024-02-28") == []
    assert days_before("2024-01-01", 1) == "2023-12-31"
