"""Rank scored candidates within their user and scene."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LEAST_ROWS = 131_072  # of a piece, so that files are not made of tiny row groups
_GROUP = "group"
_BEST_FIRST = [
    (_GROUP, "ascending"),
    ("probability", "descending"),
    ("item_id", "ascending"),  # so that equal probabilities always have the same order
    ("log_ts", "ascending"),
]


def whole_users(pieces: Iterable[pa.Table], least_rows: int = _LEAST_ROWS) -> Iterator[pa.Table]:
    """Regroup pieces so that none ends between two rows of a user and scene. These are next to each other."""
    pending: list[pa.Table] = []
    for piece in pieces:
        pending.append(piece)
        if sum(map(len, pending)) < least_rows:
            continue
        joined = pa.concat_tables(pending)
        last = int(np.flatnonzero(_starts(joined))[-1])
        if last:
            yield joined.slice(0, last)
        pending = [joined.slice(last)]
    if pending:
        yield pa.concat_tables(pending)


def ranked(scored: pa.Table, top: int | None = None) -> pa.Table:
    """Add `rank`, 1 for the most probable candidate of a user and scene, and sort by it. Keeps the best `top`, or all.

    scored: the rows of a user and scene are next to each other.
    """
    starts = _starts(scored)
    group = np.cumsum(starts)
    best_first = scored.append_column(_GROUP, pa.array(group)).sort_by(_BEST_FIRST).drop_columns(_GROUP)
    # Sorting has moved rows only within their group.
    rank = np.arange(len(scored)) - np.flatnonzero(starts)[group - 1] + 1
    result = best_first.append_column("rank", pa.array(rank, pa.int32()))
    return result if top is None else result.filter(pa.array(rank <= top))


def _starts(table: pa.Table) -> np.ndarray:
    """For each row, return whether its user or scene differs from the row before; True for the first, bool [n]."""
    starts = np.ones(len(table), dtype=bool)
    user, scene = table["user_id"].combine_chunks(), table["scene"].to_numpy()
    other_user = pc.not_equal(user.slice(1), user.slice(0, len(user) - 1)) if len(user) else pa.array([], pa.bool_())
    starts[1:] = other_user.to_numpy(zero_copy_only=False) | (scene[1:] != scene[:-1])
    return starts
