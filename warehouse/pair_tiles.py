"""Which partitions hold the pair counts of a span of days, so that long histories are read from few of them.

A day's tile holds the sums of the `d & -d` days that end on it, d being the day's number: every second day's tile spans
2 days, every fourth day's 4, and so on (Fenwick, "A new data structure for cumulative frequency tables", 1994). So any
history is the union of about log2 of its length tiles, and each day writes at most one tile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from warehouse.calendar_days import days_before


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
    """Covers the days from first to last, both inclusive, by tiles that lie within and daily counts elsewhere."""
    found, day = Cover(), last
    while day >= first:
        span = tile_days(day)
        if span > 1 and days_before(day, span - 1) >= first and has_tile(day):
            found.tiles.append(day)
            day = days_before(day, span)
            continue
        (found.daily if has_logs(day) else found.absent).append(day)
        day = days_before(day, 1)
    return found
