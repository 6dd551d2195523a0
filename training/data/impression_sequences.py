"""Sequences of impressions in arrays, and the histories that they give rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.value_index import ValueIndex
from warehouse.tables import SCENES, SEQUENCE_LENGTH

FACTS = 3  # of an impression: age, scene, clicked
AGES = 11  # 0 for an empty place, then 1, 2 to 3, 4 to 7 ... days, and 512 or more
LISTS = ("item_ids", "scenes", "clicked", "days")  # the columns of sequences_user, lists of equal length
# The same lists as columns of rows that bring their history along.
HISTORY_SCHEMA = pa.schema(
    [
        ("history_item_ids", pa.list_(pa.string())),
        ("history_scenes", pa.list_(pa.int32())),
        ("history_clicked", pa.list_(pa.int32())),
        ("history_days", pa.list_(pa.date32())),
    ]
)

_OLDEST = 2 ** (AGES - 2)
_AGE = np.concatenate([[0], np.log2(np.arange(1, _OLDEST + 1)).astype(np.uint8) + 1]).astype(np.uint8)
_AT_ONCE = 16_384  # rows: the places of impressions take more memory than the histories


@dataclass(frozen=True)
class ImpressionSequences:
    """Sequences of impressions, oldest first, one after the other.

    bounds: where the sequence of each number begins, and at the end where the last one ends, [K + 1]. items: indexes
    [E + 1] int32. days: since 1970, in UTC, [E + 1] int32. scenes: positions in SCENES, and clicked, [E + 1] uint8.
    The last element stands for an empty place.
    """

    bounds: np.ndarray
    items: np.ndarray
    days: np.ndarray
    scenes: np.ndarray
    clicked: np.ndarray

    @staticmethod
    def of_lists(parts: Sequence[Sequence[pa.ChunkedArray]], items: ValueIndex) -> "ImpressionSequences":
        """Number the sequences of some tables in their order. Each part has the four columns LISTS; null is empty.

        Raises ValueError, a clause, if the lists of a sequence differ in length or hold an invalid value or null.
        """
        lengths, columns = [np.zeros(1, dtype=np.int64)], []
        for lists in parts:
            of_each = [pc.fill_null(pc.list_value_length(column), 0).to_numpy() for column in lists]
            if any((other != of_each[0]).any() for other in of_each[1:]):
                raise ValueError("the lists of a sequence differ in length")
            lengths.append(of_each[0])
            columns.append([pc.list_flatten(column) for column in lists])
        if any(column.null_count for of_part in columns for column in of_part):
            raise ValueError("a sequence has an impression without item, scene, day or whether it was clicked")
        unknown = {scene for _, scenes, *_ in columns for scene in pc.unique(scenes).to_pylist()} - {*SCENES}
        if unknown:
            raise ValueError(f"a sequence has the scene {min(unknown)}, but valid are {SCENES[0]} to {SCENES[-1]}")
        unknown = {value for *_, clicked, _ in columns for value in pc.unique(clicked).to_pylist()} - {0, 1}
        if unknown:
            raise ValueError(f"a sequence has clicked = {min(unknown)}, but valid are 0 and 1")
        return ImpressionSequences(
            np.cumsum(np.concatenate(lengths)),
            _column((items.index(item_ids.dictionary_encode()) for item_ids, *_ in columns), np.int32),
            _column((days.cast(pa.int32()).to_numpy() for *_, days in columns), np.int32),
            _column((np.searchsorted(SCENES, scenes.to_numpy()) for _, scenes, *_ in columns), np.uint8),
            _column((clicked.to_numpy() for *_, clicked, _ in columns), np.uint8),
        )

    def histories(self, numbers: np.ndarray, row_days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the last impressions of rows, items [n, L] int32 and facts [n, L, FACTS] uint8, oldest first.

        numbers: of the rows' sequences, [n]. row_days: days of the rows since 1970, in UTC, [n]. An age is at least a
        day, also if the logs' dates begin at another hour than in UTC. Empty places follow, and hold zeros.
        """
        ends = self.bounds[numbers + 1]
        starts = np.maximum(self.bounds[numbers], ends - SEQUENCE_LENGTH)
        items = np.empty((len(numbers), SEQUENCE_LENGTH), dtype=np.int32)
        facts = np.empty((*items.shape, FACTS), dtype=np.uint8)
        for first in range(0, len(numbers), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            places = starts[rows, None] + np.arange(SEQUENCE_LENGTH)
            empty = places >= ends[rows, None]
            places[empty] = len(self.items) - 1
            days_ago = np.clip(row_days[rows, None] - self.days[places], 1, _OLDEST)
            days_ago[empty] = 0
            items[rows] = self.items[places]
            for number, fact in enumerate((_AGE[days_ago], self.scenes[places], self.clicked[places])):
                facts[rows, :, number] = fact
        return items, facts


def histories_in(rows: pa.Table, items: ValueIndex) -> tuple[np.ndarray, np.ndarray]:
    """Return the histories of rows with the columns HISTORY_SCHEMA, as `ImpressionSequences.histories` does.

    Raises ValueError, a clause, if the lists of a row do not fit together.
    """
    sequences = ImpressionSequences.of_lists([[rows[name] for name in HISTORY_SCHEMA.names]], items)
    return sequences.histories(np.arange(len(rows)), days_of(rows["log_ts"]))


def days_of(log_ts: pa.ChunkedArray) -> np.ndarray:
    """Return the days of times since 1970, in UTC, int64 [n]."""
    return log_ts.cast(pa.timestamp("us")).to_numpy().astype("datetime64[D]").astype(np.int64)


def _column(parts: Iterable[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([*(part.astype(kind) for part in parts), np.zeros(1, dtype=kind)])
