"""The input layer of every network: it turns the features of a row into one dense vector."""

import torch
from torch import Tensor, nn

from training.data.input_shape import InputShape
from training.data.rows import ITEM, USER
from training.data.value_index import UNSEEN
from training.models.target_attention import ITEM_SPREAD, History, TargetAttention

_HIDDEN_HISTORIES = 0.5  # of rows in training: with few users, a history names its user
_CONTEXT_SIZE = 4  # size of the embeddings of scene, hour and deep features, which have only a few values each


class InputLayer(nn.Module):
    """Concatenates the embeddings of the categorical features, the numeric features and, if it attends, the history.

    categorical [B, I] int64, numeric [B, N] -> [B, output_size]. The embedding of a list is the mean of those of its
    known values. The items of a history have the same embeddings as those of rows.

    In training, a row's user, and likewise its item, is replaced with probability `unseen_rate` by an unseen one
    without history, so that the model learns to score users and items that it has never seen. Dropout with the rate
    `id_dropout` is applied to the embeddings of users and items and to the history, because they overfit first. The
    histories of half of the rows are hidden.
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
        attention: TargetAttention | None = None,
    ) -> None:
        super().__init__()
        sizes = shape.categorical_sizes
        widths = [embedding_size, embedding_size, *[context_size] * (len(sizes) - 2)]
        sized = zip(sizes.items(), widths, strict=True)
        self.embeddings = nn.ModuleDict({name: _embedding(size, width) for (name, size), width in sized})
        self.id_dropout = nn.Dropout(id_dropout)
        self.unseen_rate = unseen_rate
        self.attention = attention
        self.output_size = sum(widths) + shape.numeric_size + (attention.output_size if attention else 0)
        self._single, self._lists = shape.single, {name: of.width for name, of in shape.lists.items()}
        for name in ("without_history", "about_user", "about_item"):
            self.register_buffer(name, torch.from_numpy(getattr(shape, name)), persistent=False)

    def forward(self, categorical: Tensor, numeric: Tensor, history: History | None = None) -> Tensor:
        columns = list(categorical[:, : self._single].unbind(1))
        if self.training and self.unseen_rate:
            no_user, no_item = torch.rand(2, len(numeric), device=numeric.device) < self.unseen_rate
            columns[USER] = columns[USER].masked_fill(no_user, UNSEEN)
            columns[ITEM] = columns[ITEM].masked_fill(no_item, UNSEEN)
            forgotten = no_user.unsqueeze(1) & self.about_user | no_item.unsqueeze(1) & self.about_item
            numeric = torch.where(forgotten, self.without_history, numeric)
            history = history and history.without(no_user)
        embedded = [embedding(column) for embedding, column in zip(self.embeddings.values(), columns, strict=False)]
        if self._lists:
            of_lists = categorical[:, self._single :].split([*self._lists.values()], dim=1)
            embedded += [_mean_of_known(self.embeddings[n], v) for n, v in zip(self._lists, of_lists, strict=True)]
        ids = self.id_dropout(torch.cat([embedded[USER], embedded[ITEM]], dim=1))
        parts = [ids, *embedded[ITEM + 1 :], numeric]
        if self.attention is not None:
            assert history is not None
            if self.training:
                history = history.without(torch.rand(len(numeric), device=numeric.device) < _HIDDEN_HISTORIES)
            attended = self.attention(embedded[ITEM], history, self.embeddings["item_id"])
            parts.append(self.id_dropout(attended))
        return torch.cat(parts, dim=1)


def _mean_of_known(embedding: nn.Module, indexes: Tensor) -> Tensor:
    """Return the mean embedding of the indexes [B, W] of each row that are not UNSEEN, or that of UNSEEN: [B, D]."""
    known = indexes != UNSEEN
    number = known.sum(1, keepdim=True)
    weights = known / number.clamp(min=1)
    weights[:, :1] += number == 0
    return torch.bmm(weights.unsqueeze(1), embedding(indexes)).squeeze(1)


def _embedding(size: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(size, width)
    nn.init.normal_(embedding.weight, std=ITEM_SPREAD)
    return embedding
