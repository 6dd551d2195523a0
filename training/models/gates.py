"""Gates: the weights with which experts are mixed for a row."""

import torch
from torch import Tensor, nn


class SceneGates(nn.Module):
    """A softmax gate over K experts for each scene: x [B, D], scene [B] -> weights by each row's own gate [B, K]."""

    def __init__(self, scenes: int, size: int, experts: int) -> None:
        super().__init__()
        self.scenes = scenes
        self.logits = nn.Linear(size, scenes * experts)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        by_scene = self.logits(x).unflatten(-1, (self.scenes, -1))  # [B, S, K]
        return own_scene(by_scene, scene).softmax(-1)


def own_scene(by_scene: Tensor, scene: Tensor) -> Tensor:
    """Select the values of each row's own scene: [B, S, K], scene [B] -> [B, K]."""
    index = scene.view(-1, 1, 1).expand(-1, 1, by_scene.shape[-1])  # [B, 1, K]
    return by_scene.gather(1, index).squeeze(1)


def of_own_scene(by_scene: Tensor, scene: Tensor) -> Tensor:
    """Select the values of each row's own scene: [S, ..., B, H], scene [B] -> [..., B, H]."""
    index = scene.view(*[1] * (by_scene.dim() - 2), -1, 1).expand(1, *by_scene.shape[1:])
    return by_scene.gather(0, index).squeeze(0)


def mixture(weights: Tensor, experts: Tensor) -> Tensor:
    """Return the weighted sum of the experts' outputs: weights [B, K], experts [K, B, H] -> [B, H]."""
    return torch.einsum("bk,kbh->bh", weights, experts)
