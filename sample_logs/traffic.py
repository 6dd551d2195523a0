"""Draw which users are shown which items, and when."""

from collections.abc import Iterator

import numpy as np

from sample_logs.apportion import apportion, portions
from sample_logs.population import Items, Users
from sample_logs.settings import SCENES, Settings

BLOCK_ROWS = 65_536  # another size gives other logs, as each block has its own random stream
HOURS = 24
_SECONDS_PER_HOUR = 3600
# Traffic by hour of the day: low at night, with peaks at noon and in the evening.
_TRAFFIC = (12, 7, 4, 3, 3, 6, 14, 28, 38, 42, 44, 48, 58, 52, 44, 42, 44, 50, 56, 62, 68, 70, 54, 28)
_TRAFFIC_UP_TO_HOUR = np.concatenate(([0.0], np.cumsum(_TRAFFIC) / sum(_TRAFFIC)))


class Lottery:
    """Draws members (users or items) with probabilities in proportion to their weights."""

    def __init__(self, members: np.ndarray, weights: np.ndarray) -> None:
        self._members = members
        self._cumulative = np.cumsum(weights)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `count` members, with replacement."""
        tickets = rng.random(count) * self._cumulative[-1]
        drawn = np.searchsorted(self._cumulative, tickets, side="right")
        return self._members[np.minimum(drawn, len(self._members) - 1)]


class DayTraffic:
    """The users and items of one day, by scene."""

    def __init__(self, users: Users, items: Items, settings: Settings, day: int) -> None:
        scenes = range(len(SCENES))
        self._users = [_lottery(users, users.in_scene[:, s], day, settings.newborn_user_rows) for s in scenes]
        self._items = [_lottery(items, items.scene == s, day, settings.newborn_item_rows) for s in scenes]

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw impressions, `rows` by scene [S], in random order. Returns positions of users and items, and scenes."""
        user = np.concatenate([lottery.draw(n, rng) for lottery, n in zip(self._users, rows, strict=True)])
        item = np.concatenate([lottery.draw(n, rng) for lottery, n in zip(self._items, rows, strict=True)])
        order = rng.permutation(len(user))
        return user[order], item[order], np.repeat(np.arange(len(SCENES)), rows)[order]


def _lottery(entities: Users | Items, in_scene: np.ndarray, day: int, newborn_rows: float) -> Lottery:
    """Return the lottery over the scene's users or items up to that day. New ones get a fixed share of the rows."""
    present = np.flatnonzero(in_scene & (entities.birth <= day))
    weights = entities.weight[present]
    newborn = entities.birth[present] == day
    if day > 0 and newborn.any():
        weights[newborn] *= newborn_rows / (1 - newborn_rows) * weights[~newborn].sum() / weights[newborn].sum()
    return Lottery(present, weights)


def rows_by_day(settings: Settings) -> np.ndarray:
    """Return the number of rows by date and scene, int [days, S]. Dates are equal; scenes have the release's shares."""
    by_scene = apportion(settings.rows, np.array([scene.rows for scene in SCENES]))
    return portions(by_scene, apportion(settings.rows, np.ones(settings.days, dtype=np.int64)).tolist())


def blocks_of(day_rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the blocks of a date in order of time: the number of earlier rows, and the block's rows by scene [S]."""
    total = int(day_rows.sum())
    starts = range(0, total, BLOCK_ROWS)
    sizes = [min(BLOCK_ROWS, total - start) for start in starts]
    yield from zip(starts, portions(day_rows, sizes), strict=True)


def seconds_of_day(first_row: int, count: int, day_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ascending times of `count` rows, in seconds: row r of the date is in the r-th equal part of its traffic."""
    quantile = (first_row + np.arange(count) + rng.random(count)) / day_rows
    hour = np.interp(quantile, _TRAFFIC_UP_TO_HOUR, np.arange(HOURS + 1))
    return np.minimum(hour * _SECONDS_PER_HOUR, HOURS * _SECONDS_PER_HOUR - 1).astype(np.int64)
