"""Gates: how much a row takes of each expert."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from training.data.rows import Rows


class GatedModel(nn.Module):
    """A model whose rows pass gates, which can be asked for: Rows of B -> logits [B]."""

    def forward(self, rows: Rows) -> Tensor:
        """Logits [B]."""
        return self.with_gates(rows)[0]

    @abstractmethod
    def with_gates(self, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits [B], and by gate the weights that each row's own scene gives to the experts, [B, K]."""


class SceneGates(nn.Module):
    """A softmax gate a scene over K experts; each row passes its own scene's: [B, D], scene [B] -> [B, K]."""

    def __init__(self, scenes: int, size: int, experts: int) -> None:
        super().__init__()
        self.scenes = scenes
        self.logits = nn.Linear(size, scenes * experts)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        """Weights that add up to 1, [B, K]."""
        return own_scene(self.logits(x).unflatten(1, (self.scenes, -1)), scene).softmax(1)


def own_scene(by_scene: Tensor, scene: Tensor) -> Tensor:
    """What belongs to each row's own scene: [B, S, K], scene [B] -> [B, K]."""
    index = scene.view(-1, 1, 1).expand(-1, 1, by_scene.shape[2])
    return by_scene.gather(1, index).squeeze(1)


def mixture(weights: Tensor, experts: Tensor) -> Tensor:
    """The experts' outputs, weighted: [B, K] and [K, B, H] -> [B, H]."""
    return torch.einsum("bk,kbh->bh", weights, experts)
