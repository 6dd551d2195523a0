"""The input layer of every network: it turns the features of a row into one dense vector."""

import torch
from torch import Tensor, nn

from training.data.input_shape import InputShape
from training.data.rows import ITEM, USER
from training.data.value_index import UNSEEN

_CONTEXT_SIZE = 4  # size of the embeddings of scene, hour and deep features, which have only a few values each
_INITIAL_SPREAD = 0.05


class InputLayer(nn.Module):
    """Concatenates the embeddings of the categorical features and the numeric features.

    categorical [B, F] int64, numeric [B, N] -> [B, output_size].

    In training, a row's user, and likewise its item, is replaced with probability `unseen_rate` by an unseen one
    without history, so that the model learns to score users and items that it has never seen. Dropout with the rate
    `id_dropout` is applied to the embeddings of users and items, because they overfit first.
    """

    without_history: Tensor
    about_user: Tensor
    about_item: Tensor

    def __init__(
        self,
        shape: InputShape,
        embedding_size: int,
        id_dropout: float,
        unseen_rate: float,
        context_size: int = _CONTEXT_SIZE,
    ) -> None:
        super().__init__()
        sizes = shape.categorical_sizes
        widths = [embedding_size, embedding_size, *[context_size] * (len(sizes) - 2)]
        sized = zip(sizes.items(), widths, strict=True)
        self.embeddings = nn.ModuleDict({name: _embedding(size, width) for (name, size), width in sized})
        self.id_dropout = nn.Dropout(id_dropout)
        self.unseen_rate = unseen_rate
        self.output_size = sum(widths) + shape.numeric_size
        for name in ("without_history", "about_user", "about_item"):
            self.register_buffer(name, torch.from_numpy(getattr(shape, name)), persistent=False)

    def forward(self, categorical: Tensor, numeric: Tensor) -> Tensor:
        columns = list(categorical.unbind(1))
        if self.training and self.unseen_rate:
            no_user, no_item = torch.rand(2, len(numeric), device=numeric.device) < self.unseen_rate
            columns[USER] = columns[USER].masked_fill(no_user, UNSEEN)
            columns[ITEM] = columns[ITEM].masked_fill(no_item, UNSEEN)
            forgotten = no_user.unsqueeze(1) & self.about_user | no_item.unsqueeze(1) & self.about_item
            numeric = torch.where(forgotten, self.without_history, numeric)
        embedded = [embedding(column) for embedding, column in zip(self.embeddings.values(), columns, strict=True)]
        ids = self.id_dropout(torch.cat([embedded[USER], embedded[ITEM]], dim=1))
        return torch.cat([ids, *embedded[ITEM + 1 :], numeric], dim=1)


def _embedding(size: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(size, width)
    nn.init.normal_(embedding.weight, std=_INITIAL_SPREAD)
    return embedding
