"""Batches of a window that is larger than the memory set for it."""

import math
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
import torch

from training import processes
from training.data.features import FeatureSpace
from training.data.reading import PIECE_ROWS, RowGroup
from training.data.row_texts import RowTexts
from training.data.rows import Rows, columns_read, empty_rows, encoded
from training.errors import TrainingError

_Made = TypeVar("_Made")
# A thread of this niceness gets a tenth of a core that others want too: rows need less than that of one they train on.
_NICENESS = 10
_OPEN = 2  # row groups read side by side: each takes some 40 MB, and the buffer does the mixing


class StreamedBatches:
    """Batches read from Parquet row groups in random order, through a shuffle buffer.

    A row that comes takes a random place in the buffer, and the row that was there goes out. With a buffer of at least
    all rows an epoch's order is a full permutation.
    """

    def __init__(
        self,
        groups: list[RowGroup],
        rows: int,
        space: FeatureSpace,
        texts: RowTexts | None,
        batch_size: int,
        buffer_rows: int,
    ) -> None:
        self.rows = rows
        self._groups = shards(groups, processes.count())[processes.rank()]
        self._own_rows = sum(group.rows for group in self._groups) if processes.count() > 1 else rows
        self._space, self._texts = space, texts
        self._batch_size, self._buffer_rows = batch_size, buffer_rows

    def epoch(self, generator: torch.Generator) -> Iterator[Rows]:
        """Every row once; the last batch holds what is left. The next rows are made while a batch is trained on: one
        thread reads, another encodes what was read before.
        """
        # The reading thread draws from a generator of its own, or what is drawn would hang on who is faster.
        of_reader = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
        pieces = ahead(encoded(table, self._space, self._texts) for table in ahead(self._tables(of_reader)))
        return in_batches(self._shuffled(pieces, generator), self._sizes())

    def _sizes(self) -> list[int]:
        """Of the batches. Each process spreads its rows over the steps of one: none runs out before the others."""
        steps = math.ceil(self.rows / self._batch_size)
        if processes.count() == 1:
            return [self._batch_size] * (steps - 1) + [self.rows - (steps - 1) * self._batch_size]
        ends = [self._own_rows * step // steps for step in range(steps + 1)]
        return [end - start for start, end in pairwise(ends)]

    def _tables(self, generator: torch.Generator) -> Iterator[pa.Table]:
        """All rows, a piece at a time from one of some row groups that are open, each at random."""
        columns = columns_read(self._space, self._texts)
        waiting = [self._groups[place] for place in torch.randperm(len(self._groups), generator=generator)]
        being_read: list[Iterator[pa.Table]] = []
        while waiting or being_read:
            while waiting and len(being_read) < _OPEN:
                being_read.append(waiting.pop().tables(columns, PIECE_ROWS))
            chosen = int(torch.randint(len(being_read), (), generator=generator))
            table = next(being_read[chosen], None)
            if table is None:
                del being_read[chosen]
            else:
                yield table

    def _shuffled(self, pieces: Iterable[Rows], generator: torch.Generator) -> Iterator[Rows]:
        buffer, filled = empty_rows(min(self._buffer_rows, self._own_rows), self._space, self._texts), 0
        for piece in pieces:
            free = min(len(buffer) - filled, len(piece))
            if free:
                buffer.slice(filled, filled + free).copy_from(piece.slice(0, free))
                filled += free
            coming = piece.slice(free, len(piece))
            while len(coming):
                now = coming.slice(0, len(buffer))
                places = _distinct(len(buffer), len(now), generator)
                going = buffer.take(places)
                buffer.put(places, now)
                coming = coming.slice(len(now), len(coming))
                yield going
        for places in torch.randperm(filled, generator=generator).split(PIECE_ROWS):  # not a second buffer at once
            yield buffer.take(places)


def _distinct(below: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """So many different numbers, int64 [count], in time that does not grow with `below`: the buffer may be large."""
    draw = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    return torch.from_numpy(draw.choice(below, count, replace=False, shuffle=False))


def ahead(made: Iterator[_Made]) -> Iterator[_Made]:
    """The same, the next one being made in another thread while one is used."""
    with ThreadPoolExecutor(max_workers=1, initializer=_give_way) as thread:
        coming = thread.submit(next, made, None)
        while (one := coming.result()) is not None:
            coming = thread.submit(next, made, None)
            yield one


def _give_way() -> None:
    """Lets training go first on this thread's core, where threads have priorities of their own.

    A product is split evenly over all cores: one that reading slows down holds up the others.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def in_batches(pieces: Iterable[Rows], sizes: Sequence[int]) -> Iterator[Rows]:
    """The same rows in batches of the given sizes, which add up to as many."""
    coming = iter(pieces)
    kept: list[Rows] = []
    count = 0
    for size in sizes:
        while count < size or not kept:
            piece = next(coming, None)
            if piece is None:
                raise TrainingError(
                    f"the training tables hold fewer rows than the {sum(sizes)} counted at first: they were published "
                    "anew while they were read; run this again"
                )
            kept.append(piece)
            count += len(piece)
        joined = Rows.joined(kept) if len(kept) > 1 else kept[0]
        yield joined.slice(0, size)
        kept, count = [joined.slice(size, count)], count - size


def shards(groups: Sequence[RowGroup], count: int) -> list[list[RowGroup]]:
    """The row groups dealt out to so many processes, the largest first, each to the one with the fewest rows."""
    dealt: list[list[RowGroup]] = [[] for _ in range(count)]
    rows = [0] * count
    if count == 1:
        return [list(groups)]
    for group in sorted(groups, key=lambda group: group.rows, reverse=True):
        fewest = rows.index(min(rows))
        dealt[fewest].append(group)
        rows[fewest] += group.rows
    return dealt
