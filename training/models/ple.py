"""Progressive layered extraction, scenes as tasks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.data.rows import Rows
from training.models.experts import Experts, GroupedLinear
from training.models.gates import GatedModel, SceneGates, mixture
from training.models.inputs import InputLayer
from training.models.towers import SceneTowers


class ExtractionLevel(nn.Module):
    """A level before the last: experts and gates of all S scenes, shared experts and their gate over all experts.

    Scenes' inputs [S, B, D] and the shared input [B, D] -> scenes' outputs [S, B, H], the shared output [B, H] and the
    scenes' gates [S, B, K + K'], a scene's own K experts first. Scene t's experts and gate read scene t's input; the
    shared ones read the shared input.
    """

    def __init__(self, scenes: int, size: int, scene_experts: int, shared_experts: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.of_scenes = Experts(scenes, scene_experts, size, sizes)
        self.shared = Experts(1, shared_experts, size, sizes)
        self.gates = GroupedLinear(scenes, size, scene_experts + shared_experts)
        self.shared_gate = nn.Linear(size, scenes * scene_experts + shared_experts)

    def forward(self, by_scene: Tensor, shared: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[S, B, H], [B, H] and [S, B, K + K']."""
        of_scenes, of_all = self.of_scenes(by_scene), self.shared(shared.unsqueeze(0))  # [S, K, B, H], [1, K', B, H]
        gates = self.gates(by_scene).softmax(2)
        own, common = gates.split([of_scenes.shape[1], of_all.shape[1]], dim=2)
        outputs = torch.einsum("sbk,skbh->sbh", own, of_scenes) + torch.einsum("sbk,kbh->sbh", common, of_all[0])
        every_expert = torch.cat([of_scenes.flatten(0, 1), of_all[0]])
        return outputs, mixture(self.shared_gate(shared).softmax(1), every_expert), gates


class LastLevel(nn.Module):
    """The last level, without a shared gate: each row passes its own scene's gate alone.

    Scenes' inputs [S, B, D], the shared input [B, D], scene [B] -> [B, H] and the gates [B, K + K'].
    """

    def __init__(self, scenes: int, size: int, scene_experts: int, shared_experts: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.scene_experts = scene_experts
        self.of_scenes = Experts(1, scenes * scene_experts, size, sizes)
        self.shared = Experts(1, shared_experts, size, sizes)
        self.gates = SceneGates(scenes, size, scene_experts + shared_experts)

    def forward(self, by_scene: Tensor, shared: Tensor, scene: Tensor) -> tuple[Tensor, Tensor]:
        """[B, H] and [B, K + K']."""
        row = torch.arange(len(scene), device=scene.device)
        own_input = by_scene[scene, row]
        own = self.of_scenes(own_input.unsqueeze(0))[0].unflatten(0, (-1, self.scene_experts))[scene, :, row]
        weights = self.gates(own_input, scene)
        own_weights, common_weights = weights.split([self.scene_experts, weights.shape[1] - self.scene_experts], dim=1)
        common = mixture(common_weights, self.shared(shared.unsqueeze(0))[0])
        return torch.einsum("bk,bkh->bh", own_weights, own) + common, weights


class PLE(GatedModel):
    """Any number of levels of shared and per-scene experts (Tang et al., RecSys 2020): Rows of B -> logits [B].

    The levels before the last have one layer, of `expert_sizes[0]`, the last one all of `expert_sizes`.
    """

    def __init__(
        self,
        inputs: InputLayer,
        scenes: int,
        levels: int,
        scene_experts: int,
        shared_experts: int,
        expert_sizes: Sequence[int],
        tower_size: int,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.scenes = scenes
        counts = scene_experts, shared_experts
        sizes = [inputs.output_size, *[expert_sizes[0]] * (levels - 1)]
        self.levels = nn.ModuleList(ExtractionLevel(scenes, size, *counts, expert_sizes[:1]) for size in sizes[:-1])
        self.last = LastLevel(scenes, sizes[-1], *counts, expert_sizes)
        self.towers = SceneTowers(scenes, expert_sizes[-1], tower_size)

    def with_gates(self, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits [B] and {"level 1": [B, K + K'], ...}, a scene's own experts first."""
        shared, row = self.inputs(rows), torch.arange(len(rows), device=rows.scene.device)
        by_scene = shared.expand(self.scenes, -1, -1)
        gates = {}
        for number, level in enumerate(self.levels, start=1):
            by_scene, shared, of_scenes = level(by_scene, shared)
            gates[f"level {number}"] = of_scenes[rows.scene, row]
        mixed, gates[f"level {len(self.levels) + 1}"] = self.last(by_scene, shared, rows.scene)
        return self.towers(mixed, rows.scene), gates
