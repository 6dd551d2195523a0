"""Batches of shuffled rows for the training loop."""

from collections.abc import Iterator
from typing import Protocol

import torch

from training import distributed
from training.data.rows import Rows


class Batches(Protocol):
    """A source of shuffled training batches. rows: the number of rows over all processes."""

    rows: int

    def epoch(self, generator: torch.Generator) -> Iterator[Rows]:
        """Yield every row once, in batches, in an order drawn from the generator.

        If several processes train, each yields only its own share of the rows.
        """


class InMemoryBatches:
    """Batches of rows that are in memory, in a new random order for each epoch."""

    def __init__(self, rows: Rows, batch_size: int) -> None:
        self.rows = len(rows)
        self._rows = rows
        self._batch_size = batch_size

    def epoch(self, generator: torch.Generator) -> Iterator[Rows]:
        """Yield every row once; the last batch may be smaller. If several processes train, they share each batch."""
        for index in torch.randperm(self.rows, generator=generator).split(self._batch_size):
            yield self._rows.take(index[distributed.rank() :: distributed.count()])
