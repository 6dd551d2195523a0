"""Which partitions hold the pair counts of a span of days, so that long histories are read from few of them.

A day's tile holds the sums of the `d & -d` days that end on it, d being the day's number: every second day's tile spans
2 days, every fourth day's 4, and so on (Fenwick, "A new data structure for cumulative frequency tables", 1994). So any
history is the union of about log2 of its length tiles, and each day writes at most one tile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from warehouse.calendar_days import days, days_before


@dataclass
class Cover:
    """Days whose partitions together hold each day of a span once; `absent` are its days without logs."""

    tiles: list[str] = field(default_factory=list)
    daily: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def tile_days(day: str) -> int:
    """How many days the tile that ends on `day` spans: a power of two, 1 on every second day."""
    number = date.fromisoformat(day).toordinal()
    return number & -number


def cover(first: str, last: str, has_tile: Callable[[str], bool], has_logs: Callable[[str], bool]) -> Cover:
    """Covers the days from first to last, both inclusive, by tiles that count no other day, and daily counts elsewhere.

    A tile may reach back past the first day where there are no logs: else a history's first days would be read by many
    small tiles, as large ones seldom end where a history begins.
    """
    found, day = Cover(), last
    while day >= first:
        span = tile_days(day)
        outside = days(days_before(day, span - 1), days_before(first, 1))
        if span > 1 and not any(map(has_logs, outside)) and has_tile(day):
            found.tiles.append(day)
            day = days_before(day, span)
            continue
        (found.daily if has_logs(day) else found.absent).append(day)
        day = days_before(day, 1)
    return found
