"""From a batch of rows to one dense vector each; every model starts with it."""

import torch
from torch import Tensor, nn

from training.data.input_shape import InputShape
from training.data.rows import ITEM, USER, Rows
from training.data.vocabulary import UNSEEN

_CONTEXT_SIZE = 4  # scene, hour, deep features: few values each
_INITIAL_SPREAD = 0.05


class InputLayer(nn.Module):
    """Embeddings of all categorical features beside the numeric block: Rows of B -> [B, output_size].

    While training, each row's user and item are forgotten with probability `unseen_rate`: the id becomes the unseen
    one, and what is known of its history none. So the model learns what is true of strangers, who have neither. Of the
    user's and the item's embeddings a share of `id_dropout` is dropped besides: they are what overfits first.
    """

    without_history: Tensor
    of_user: Tensor
    of_item: Tensor

    def __init__(self, shape: InputShape, embedding_size: int, id_dropout: float, unseen_rate: float) -> None:
        super().__init__()
        sizes = shape.categorical_sizes
        widths = [embedding_size, embedding_size, *[_CONTEXT_SIZE] * (len(sizes) - 2)]
        sized = zip(sizes.items(), widths, strict=True)
        self.embeddings = nn.ModuleDict({name: _embedding(size, width) for (name, size), width in sized})
        self.id_dropout = nn.Dropout(id_dropout)
        self.unseen_rate = unseen_rate
        self.output_size = sum(widths) + shape.numeric_size
        for name in ("without_history", "of_user", "of_item"):
            self.register_buffer(name, torch.from_numpy(getattr(shape, name)), persistent=False)

    def forward(self, rows: Rows) -> Tensor:
        """[B, output_size]."""
        columns, numeric = list(rows.categorical.unbind(1)), rows.numeric
        if self.training and self.unseen_rate:
            of_user, of_item = torch.rand(2, len(rows), device=numeric.device) < self.unseen_rate
            columns[USER] = columns[USER].masked_fill(of_user, UNSEEN)
            columns[ITEM] = columns[ITEM].masked_fill(of_item, UNSEEN)
            forgotten = of_user.unsqueeze(1) & self.of_user | of_item.unsqueeze(1) & self.of_item
            numeric = torch.where(forgotten, self.without_history, numeric)
        embedded = [embedding(column) for embedding, column in zip(self.embeddings.values(), columns, strict=True)]
        ids = self.id_dropout(torch.cat([embedded[USER], embedded[ITEM]], dim=1))
        return torch.cat([ids, *embedded[ITEM + 1 :], numeric], dim=1)


def _embedding(size: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(size, width)
    nn.init.normal_(embedding.weight, std=_INITIAL_SPREAD)
    return embedding
