"""Towers: the last layers of a model, with weights for each scene, which compute the logit."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from training.models.gates import own_scene


class SceneTowers(nn.Module):
    """Linear, ReLU, Linear for each scene. A row uses those of its scene: x [B, D], scene [B] -> logits [B]."""

    def __init__(self, scenes: int, size: int, hidden_size: int) -> None:
        super().__init__()
        self.scenes = scenes
        self.hidden = nn.Linear(size, scenes * hidden_size)
        # A scene's output weights [H], followed by its bias.
        self.output = nn.Parameter(torch.empty(scenes, hidden_size + 1))
        nn.init.uniform_(self.output, -(hidden_size**-0.5), hidden_size**-0.5)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        by_scene = self.hidden(x).unflatten(-1, (self.scenes, -1))  # [B, S, H]
        hidden = torch.relu(own_scene(by_scene, scene))  # [B, H]
        output = embedding(scene, self.output)  # [B, H + 1]
        return (hidden * output[:, :-1]).sum(-1) + output[:, -1]
