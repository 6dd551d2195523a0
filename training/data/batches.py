"""Where the training loop takes its batches from."""

from collections.abc import Iterator
from typing import Protocol

import torch

from training import processes
from training.data.rows import Rows


class Batches(Protocol):
    """A source of shuffled training batches. rows: of all processes together."""

    rows: int

    def epoch(self, generator: torch.Generator) -> Iterator[Rows]:
        """Every row once, in batches, in an order drawn from the generator; of several processes, this one's part."""


class InMemoryBatches:
    """Batches of rows that lie in memory: one permutation an epoch, one gather a batch and tensor."""

    def __init__(self, rows: Rows, batch_size: int) -> None:
        self.rows = len(rows)
        self._rows = rows
        self._batch_size = batch_size

    def epoch(self, generator: torch.Generator) -> Iterator[Rows]:
        """Every row once; the last batch holds what is left. All processes draw the same, each takes its part."""
        for index in torch.randperm(self.rows, generator=generator).split(self._batch_size):
            yield self._rows.take(index[processes.rank() :: processes.count()])
