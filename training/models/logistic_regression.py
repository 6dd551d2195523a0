"""Logistic regression over single features, the simplest model."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from training.data.input_shape import InputShape
from training.data.rows import ITEM, SCENE
from training.data.value_index import UNSEEN
from training.models.input_layer import InputLayer
from training.models.target_attention import History

ID_WEIGHTS = 2**18  # of users, and of items


class WideInput(InputLayer):
    """One weight per value of each categorical feature, followed by the numeric block: -> [B, F + N].

    If there are more than `ID_WEIGHTS` users or items, several share a weight (the hashing trick, Weinberger et al.,
    ICML 2009). Ids that training has not seen have a weight of their own, which stays 0.
    """

    def __init__(self, shape: InputShape, id_dropout: float) -> None:
        sizes = {
            name: min(size, 1 + ID_WEIGHTS) if column <= ITEM else size
            for column, (name, size) in enumerate(shape.categorical_sizes.items())
        }
        bounded = replace(shape, categorical_sizes=sizes)
        # No rows forget their ids and histories: a sum cannot tell these rows from others, and would fit both badly.
        super().__init__(bounded, 1, id_dropout, unseen_rate=0, context_size=1)
        for weights in self.parameters():
            nn.init.zeros_(weights)

    def forward(self, categorical: Tensor, numeric: Tensor, _history: History | None = None) -> Tensor:
        ids = categorical[:, :SCENE]
        # Indexes are in the order of the ids, which says nothing, so that the remainder is as good as a hash.
        hashed = torch.where(ids == UNSEEN, UNSEEN, 1 + (ids - 1) % ID_WEIGHTS)
        return super().forward(torch.cat([hashed, categorical[:, SCENE:]], dim=1), numeric)


class LogisticRegression(nn.Module):
    """The sum of a row's F categorical weights and its weighted numeric features: x [B, F + N] -> logits [B]."""

    def __init__(self, categorical: int, numeric: int) -> None:
        super().__init__()
        self.categorical = categorical
        self.numeric = nn.Linear(numeric, 1)
        nn.init.zeros_(self.numeric.weight)

    def forward(self, x: Tensor, _scene: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits [B], and no gates."""
        return x[:, : self.categorical].sum(1) + self.numeric(x[:, self.categorical :]).squeeze(1), {}
