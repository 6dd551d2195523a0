"""What a model reads of a row's texts."""

import torch
from torch import Tensor, nn

_PROJECTED_SIZE = 32


class TextInput(nn.Module):
    """A common projection of a row's text embeddings and, if there are two, its product: [B, T, K] -> [B, output_size].

    As the projection is the same for all texts, the product of an item's and a query's says how close their meanings
    are. dropout: the rate at which the output is dropped in training.
    """

    def __init__(self, texts: int, size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.projection = nn.Linear(size, _PROJECTED_SIZE, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output_size = _PROJECTED_SIZE * (texts + (texts == 2))

    def forward(self, texts: Tensor) -> Tensor:
        x = self.projection(texts)
        if x.shape[1] == 2:
            x = torch.cat([x, x.prod(1, keepdim=True)], dim=1)
        return self.dropout(x.flatten(1))
