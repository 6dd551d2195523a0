"""Multi-gate mixture-of-experts with scenes as tasks."""

from collections.abc import Sequence

from torch import Tensor, nn

from training.models.experts import Experts
from training.models.gates import SceneGates, mixture
from training.models.towers import SceneTowers


class MMoE(nn.Module):
    """K shared experts, and a gate and a tower for each scene: x [B, D], scene [B] -> logits [B], gates.

    Ma et al., KDD 2018.
    """

    def __init__(self, size: int, scenes: int, experts: int, expert_sizes: Sequence[int], tower_size: int) -> None:
        super().__init__()
        self.experts = Experts(1, experts, size, expert_sizes)
        self.gates = SceneGates(scenes, size, experts)
        self.towers = SceneTowers(scenes, expert_sizes[-1], tower_size)

    def forward(self, x: Tensor, scene: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits [B] and {"experts": weights [B, K]}."""
        weights = self.gates(x, scene)
        experts = self.experts(x.unsqueeze(0)).squeeze(0)  # one group: [1, K, B, H] -> [K, B, H]
        return self.towers(mixture(weights, experts), scene), {"experts": weights}
