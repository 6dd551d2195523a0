"""Multi-gate mixture-of-experts, scenes as tasks."""

from collections.abc import Sequence

from torch import Tensor

from training.data.rows import Rows
from training.models.experts import Experts
from training.models.gates import GatedModel, SceneGates, mixture
from training.models.inputs import InputLayer
from training.models.towers import SceneTowers


class MMoE(GatedModel):
    """K shared experts, a gate and a tower a scene (Ma et al., KDD 2018): Rows of B -> logits [B]."""

    def __init__(
        self, inputs: InputLayer, scenes: int, experts: int, expert_sizes: Sequence[int], tower_size: int
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.experts = Experts(1, experts, inputs.output_size, expert_sizes)
        self.gates = SceneGates(scenes, inputs.output_size, experts)
        self.towers = SceneTowers(scenes, expert_sizes[-1], tower_size)

    def with_gates(self, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits [B] and {"experts": [B, K]}."""
        x = self.inputs(rows)
        weights = self.gates(x, rows.scene)
        mixed = mixture(weights, self.experts(x.unsqueeze(0))[0])
        return self.towers(mixed, rows.scene), {"experts": weights}
