"""From a batch of rows to one dense vector each; every model starts with it."""

import torch
from torch import Tensor, nn

from training.data.rows import ITEM, USER, Rows
from training.data.vocabulary import UNSEEN

_CONTEXT_SIZE = 4  # scene, hour, deep features: few values each
_INITIAL_SPREAD = 0.05


class InputLayer(nn.Module):
    """Embeddings of all categorical features beside the numeric block: Rows of B -> [B, output_size].

    While training, each user and item id counts as unseen with probability `unseen_rate`, so that index 0 learns what
    is true of strangers.
    """

    def __init__(
        self, categorical_sizes: dict[str, int], numeric_size: int, embedding_size: int, unseen_rate: float
    ) -> None:
        super().__init__()
        widths = [embedding_size, embedding_size, *[_CONTEXT_SIZE] * (len(categorical_sizes) - 2)]
        sized = zip(categorical_sizes.items(), widths, strict=True)
        self.embeddings = nn.ModuleDict({name: _embedding(size, width) for (name, size), width in sized})
        self.unseen_rate = unseen_rate
        self.output_size = sum(widths) + numeric_size

    def forward(self, rows: Rows) -> Tensor:
        """[B, output_size]."""
        columns = list(rows.categorical.unbind(1))
        if self.training:
            columns[USER] = self._forget(columns[USER])
            columns[ITEM] = self._forget(columns[ITEM])
        embedded = [embedding(column) for embedding, column in zip(self.embeddings.values(), columns, strict=True)]
        return torch.cat([*embedded, rows.numeric], dim=1)

    def _forget(self, index: Tensor) -> Tensor:
        return index.masked_fill(torch.rand(index.shape, device=index.device) < self.unseen_rate, UNSEEN)


def _embedding(size: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(size, width)
    nn.init.normal_(embedding.weight, std=_INITIAL_SPREAD)
    return embedding
