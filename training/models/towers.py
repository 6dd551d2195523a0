"""Towers: what turns a scene's representation into its logit."""

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from training.models.gates import own_scene


class SceneTowers(nn.Module):
    """A network a scene, Linear, ReLU, Linear; each row passes its own scene's: [B, D], scene [B] -> logits [B]."""

    def __init__(self, scenes: int, size: int, hidden_size: int) -> None:
        super().__init__()
        self.scenes = scenes
        self.hidden = nn.Linear(size, scenes * hidden_size)
        # The last number of a scene is its bias.
        self.output = nn.Parameter(torch.empty(scenes, hidden_size + 1))
        nn.init.uniform_(self.output, -(hidden_size**-0.5), hidden_size**-0.5)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        """Logits [B]."""
        hidden = torch.relu(own_scene(self.hidden(x).unflatten(1, (self.scenes, -1)), scene))
        output = embedding(scene, self.output)
        return (hidden * output[:, :-1]).sum(1) + output[:, -1]
