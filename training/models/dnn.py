"""The baseline: a feed-forward network."""

from torch import Tensor, nn


class DNN(nn.Module):
    """Linear, ReLU, Dropout, Linear, the same for all scenes: x [B, D] -> logits [B]."""

    def __init__(self, size: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, 1),
        )

    def forward(self, x: Tensor, _scene: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits [B], and an empty dict because there are no gates."""
        return self.layers(x).squeeze(-1), {}
