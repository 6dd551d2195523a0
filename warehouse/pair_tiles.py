"""Which partitions hold the pair counts of a span of days, so that a long history is read from few of them.

The tile of day number d holds the sums of the `d & -d` days that end on it: every second day's tile spans 2 days, every
fourth day's 4, and so on (Fenwick, "A new data structure for cumulative frequency tables", 1994). A history of n days
is then the union of about log2(n) tiles, and each day writes at most one tile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from warehouse.calendar_days import days, days_before


@dataclass
class Cover:
    """Partitions that together hold each day of a span exactly once; `absent` are the days without logs."""

    tiles: list[str] = field(default_factory=list)
    daily: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def tile_days(day: str) -> int:
    """Return how many days the tile that ends on `day` spans: a power of two, 1 on every second day."""
    number = date.fromisoformat(day).toordinal()
    return number & -number


def cover(first: str, last: str, has_tile: Callable[[str], bool], has_logs: Callable[[str], bool]) -> Cover:
    """Cover the days from first to last, both inclusive, with tiles where they fit and with daily counts elsewhere.

    A tile may reach back past the first day if there are no logs before it. Otherwise the first days of a history would
    need many small tiles, since the large ones rarely start where a history begins.
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
