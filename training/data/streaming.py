"""Batches of training rows that need more memory than --memory-mb allows, read from disk in every epoch."""

import math
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, starmap
from typing import TypeVar

import numpy as np
import pyarrow as pa
import torch

from training import distributed
from training.data.row_encoder import RowEncoder
from training.data.rows import Rows
from training.data.training_table import PIECE_ROWS, RowGroup
from training.errors import TrainingError

_Item = TypeVar("_Item")
# A thread this nice gets a tenth of a contended core, and preparing rows needs less than that of a training core.
_NICENESS = 10
_OPEN = 2  # row groups read side by side: each takes about 40 MB, and the buffer mixes their rows


class StreamedBatches:
    """Batches read from Parquet row groups in random order, through a shuffle buffer.

    Each row that is read takes a random place in the buffer, and the row that was there goes into a batch. If the
    buffer has room for all rows, the order is a full permutation.
    """

    def __init__(
        self, groups: list[RowGroup], rows: int, encoder: RowEncoder, batch_size: int, buffer_rows: int
    ) -> None:
        self.rows = rows
        self._groups = shards(groups, distributed.count())[distributed.rank()]
        self._own_rows = sum(group.rows for group in self._groups) if distributed.count() > 1 else rows
        self._encoder = encoder
        self._batch_size, self._buffer_rows = batch_size, buffer_rows

    def epoch(self, generator: torch.Generator) -> Iterator[Rows]:
        """Yield every row once; the last batch may be smaller.

        While a batch is trained on, one thread reads the next rows and another one encodes them.
        """
        # The reading thread has its own generator, or the draws would depend on which thread is faster.
        readers_generator = torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))
        pieces = ahead(starmap(self._encoder.encode, ahead(self._tables(readers_generator))))
        return in_batches(self._shuffled(pieces, generator), self._sizes())

    def _sizes(self) -> list[int]:
        """Return the sizes of the batches of this process. All processes have the same number of batches."""
        steps = math.ceil(self.rows / self._batch_size)
        if distributed.count() == 1:
            return [self._batch_size] * (steps - 1) + [self.rows - (steps - 1) * self._batch_size]
        ends = [self._own_rows * step // steps for step in range(steps + 1)]
        return [end - start for start, end in pairwise(ends)]

    def _tables(self, generator: torch.Generator) -> Iterator[tuple[pa.Table, str]]:
        """Yield all rows in pieces with their dates. Each piece is from an open row group that is chosen at random."""
        waiting = [self._groups[place] for place in torch.randperm(len(self._groups), generator=generator)]
        being_read: list[tuple[str, Iterator[pa.Table]]] = []
        while waiting or being_read:
            while waiting and len(being_read) < _OPEN:
                group = waiting.pop()
                being_read.append((group.date, group.tables(self._encoder.columns, PIECE_ROWS)))
            chosen = int(torch.randint(len(being_read), (), generator=generator))
            date, tables = being_read[chosen]
            table = next(tables, None)
            if table is None:
                del being_read[chosen]
            else:
                yield table, date

    def _shuffled(self, pieces: Iterable[Rows], generator: torch.Generator) -> Iterator[Rows]:
        buffer, filled = self._encoder.empty_rows(min(self._buffer_rows, self._own_rows)), 0
        for piece in pieces:
            free = min(len(buffer) - filled, len(piece))
            if free:
                buffer.slice(filled, filled + free).copy_from(piece.slice(0, free))
                filled += free
            rest = piece.slice(free, len(piece))
            while len(rest):
                entering = rest.slice(0, len(buffer))
                places = _distinct(len(buffer), len(entering), generator)
                leaving = buffer.take(places)
                buffer.put(places, entering)
                rest = rest.slice(len(entering), len(rest))
                yield leaving
        # In pieces, as a copy of the whole buffer would double the memory.
        for places in torch.randperm(filled, generator=generator).split(PIECE_ROWS):
            yield buffer.take(places)


def _distinct(below: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Draw `count` distinct numbers from 0 to below - 1, int64 [count]. The time does not depend on `below`."""
    draw = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    return torch.from_numpy(draw.choice(below, count, replace=False, shuffle=False))


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield the same items, with the next one made in another thread while the caller works on this one."""
    with ThreadPoolExecutor(max_workers=1, initializer=_give_way) as thread:
        next_item = thread.submit(next, items, None)
        while (item := next_item.result()) is not None:
            next_item = thread.submit(next, items, None)
            yield item


def _give_way() -> None:
    """On Linux, give this thread a lower priority than training.

    A matrix product is split evenly over all cores: if reading slows one core down, all others wait for it.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def in_batches(pieces: Iterable[Rows], sizes: Sequence[int]) -> Iterator[Rows]:
    """Regroup rows into batches of the given sizes, which add up to the number of rows.

    Raises TrainingError if there are fewer rows.
    """
    remaining = iter(pieces)
    pending: list[Rows] = []
    count = 0
    for size in sizes:
        while count < size or not pending:
            piece = next(remaining, None)
            if piece is None:
                raise TrainingError(
                    f"the training tables have fewer rows than the {sum(sizes)} counted at the start, because they "
                    "were published again while they were being read: run the command again"
                )
            pending.append(piece)
            count += len(piece)
        joined = Rows.joined(pending) if len(pending) > 1 else pending[0]
        yield joined.slice(0, size)
        pending, count = [joined.slice(size, count)], count - size


def shards(groups: Sequence[RowGroup], count: int) -> list[list[RowGroup]]:
    """Distribute row groups over processes: the largest first, each to the process with the fewest rows so far."""
    dealt: list[list[RowGroup]] = [[] for _ in range(count)]
    rows = [0] * count
    if count == 1:
        return [list(groups)]
    for group in sorted(groups, key=lambda group: group.rows, reverse=True):
        fewest = rows.index(min(rows))
        dealt[fewest].append(group)
        rows[fewest] += group.rows
    return dealt
