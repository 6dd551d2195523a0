"""What a model reads of a row's texts."""

import torch
from torch import Tensor, nn

_PROJECTED_SIZE = 32


class TextInput(nn.Module):
    """The projected texts of a row, and the products of the first with each other one: [B, T, K] -> [B, output_size].

    The first text is the item's, and the others are the user's. As the projection is the same for all, a product says
    how close the meanings of two texts are. dropout: the share of rows whose texts are left out in training.
    """

    def __init__(self, texts: int, size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.projection = nn.Linear(size, _PROJECTED_SIZE, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output_size = _PROJECTED_SIZE * (2 * texts - 1)

    def forward(self, texts: Tensor) -> Tensor:
        x = self.projection(texts)
        products = x[:, :1] * x[:, 1:]
        kept = self.dropout(torch.ones_like(x[:, 0, :1]))
        return torch.cat([x, products], dim=1).flatten(1) * kept
