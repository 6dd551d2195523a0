"""The baseline."""

from torch import Tensor, nn

from training.data.rows import Rows
from training.models.inputs import InputLayer


class DNN(nn.Module):
    """All features into Linear, ReLU, Dropout, Linear: Rows of B -> logits [B]."""

    def __init__(self, inputs: InputLayer, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.inputs = inputs
        self.layers = nn.Sequential(
            nn.Linear(inputs.output_size, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, 1),
        )

    def forward(self, rows: Rows) -> Tensor:
        """Logits [B]."""
        return self.layers(self.inputs(rows)).squeeze(1)
