"""The last impressions of each user, in memory."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from training.data.impression_sequences import HISTORY_SCHEMA
from warehouse.tables import SEQUENCE_LENGTH


class Impressions(NamedTuple):
    """Impressions in the order in which each user saw them. users, items: positions. days: since 1970. Each [e]."""

    users: np.ndarray
    items: np.ndarray
    scenes: np.ndarray
    clicked: np.ndarray
    days: np.ndarray


_TYPES = (np.int32, np.int32, np.uint8, np.uint8, np.int32)


class RecentImpressions:
    """The last impressions of each user: 10 bytes for an impression, and 8 for a user."""

    def __init__(self, parts: Iterable[Impressions], users: int, item_ids: pa.Array) -> None:
        """Take impressions of users, who are numbered below `users`: those of earlier parts are older."""
        nothing = Impressions(*(np.empty(0, kind) for kind in _TYPES))
        columns = [[np.asarray(c, kind) for c, kind in zip(part, _TYPES, strict=True)] for part in parts]
        whole = Impressions(*map(np.concatenate, zip(nothing, *columns, strict=True)))
        order = np.argsort(whole.users, kind="stable")
        self._ends = np.cumsum(np.bincount(whole.users, minlength=users))
        _, *self._columns = (column[order] for column in whole)
        self._item_ids = item_ids

    def of(self, user: int) -> pa.Table:
        """Return one row with the columns HISTORY_SCHEMA. A position below 0 has no impressions."""
        end = self._ends[user] if user >= 0 else 0
        start = max(self._ends[user - 1] if user > 0 else 0, end - SEQUENCE_LENGTH)
        items, *facts = (column[start:end] for column in self._columns)
        values = [self._item_ids.take(pa.array(items)), *map(pa.array, facts)]
        return pa.table([_one_list(*pair) for pair in zip(values, HISTORY_SCHEMA, strict=True)], schema=HISTORY_SCHEMA)


def _one_list(values: pa.Array, field: pa.Field) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values.cast(field.type.value_type))
