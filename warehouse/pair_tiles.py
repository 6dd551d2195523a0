"""Choose the partitions to read for the user-item counts of many days.

Counts of several days are also stored as sums, called tiles, so that a long history is read from a few partitions. The
tile of day number d holds the sums of the `d & -d` days that end on day d: every second day has a tile of at least 2
days, every fourth day one of at least 4, and so on (Fenwick, "A new data structure for cumulative frequency tables",
1994). A history of n days is then the union of about log2(n) tiles, and at most one tile is written for a day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from warehouse.calendar_days import days, days_before
from warehouse.freshness import Freshness
from warehouse.tables import TILES_UI

HORIZON = "ui_horizon_days"  # in manifests: how many days of history were counted, if not all


@dataclass
class Cover:
    """Dates of partitions that together hold each day of a period exactly once. absent: the days without logs."""

    tiles: list[str] = field(default_factory=list)
    daily: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def tile_days(day: str) -> int:
    """Return the number of days summed up in the tile that ends on `day`: a power of two, which is 1 on odd days."""
    number = date.fromisoformat(day).toordinal()
    return number & -number


def fresh_cover(freshness: Freshness, first: str, last: str) -> Cover:
    """Cover the days from first to last, both inclusive, with fresh tiles and with daily counts.

    first: must not be before the first date with logs.
    """
    known = set(freshness.known_dates())
    return cover(first, last, has_tile=lambda day: freshness.verdict(TILES_UI, day).fresh, has_logs=known.__contains__)


def cover(first: str, last: str, has_tile: Callable[[str], bool], has_logs: Callable[[str], bool]) -> Cover:
    """Cover the days from first to last, both inclusive, with tiles where they fit, and with daily counts otherwise.

    A tile may begin before the first day if there are no older logs. Otherwise the first days of a history would need
    many small tiles, because large tiles rarely begin on the day on which the logs begin.
    """
    result, day = Cover(), last
    while day >= first:
        span = tile_days(day)
        before_first = days(days_before(day, span - 1), days_before(first, 1))
        if span > 1 and not any(map(has_logs, before_first)) and has_tile(day):
            result.tiles.append(day)
            day = days_before(day, span)
            continue
        (result.daily if has_logs(day) else result.absent).append(day)
        day = days_before(day, 1)
    return result
