"""What evaluation needs of a model, be it a network or trees."""

from typing import Protocol

from torch import Tensor

from training.data.rows import Rows

Gates = dict[str, Tensor]  # by gate, the weights [B, K] that each row's own scene gives to the experts


class RowScorer(Protocol):
    """A model that scores rows."""

    def score(self, rows: Rows) -> tuple[Tensor, Gates]:
        """Return logits [B], float32, and the weights of the model's gates; a model without gates has none."""
