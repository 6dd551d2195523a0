"""Progressive layered extraction with scenes as tasks.

K is the number of experts of one scene, C the number of experts that all scenes share.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.models.experts import Experts, GroupedLinear
from training.models.gates import SceneGates, mixture, of_own_scene
from training.models.towers import SceneTowers


class ExtractionLevel(nn.Module):
    """A level before the last one. Each scene has experts and a gate, which read the scene's input.

    There are also shared experts, and a shared gate over all experts. They read the shared input.
    """

    def __init__(self, scenes: int, size: int, scene_experts: int, shared_experts: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.counts = scene_experts, shared_experts
        self.of_scenes = Experts(scenes, scene_experts, size, sizes)
        self.shared = Experts(1, shared_experts, size, sizes)
        self.gates = GroupedLinear(scenes, size, scene_experts + shared_experts)
        self.shared_gate = nn.Linear(size, scenes * scene_experts + shared_experts)

    def forward(self, by_scene: Tensor, shared: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map the inputs of the scenes [S, B, D] and the shared input [B, D] to the inputs of the next level.

        Returns the outputs of the scenes [S, B, H], the shared output [B, H] and the gates' weights [S, B, K + C], with
        a scene's own experts first.
        """
        of_scenes = self.of_scenes(by_scene)  # [S, K, B, H]
        of_all = self.shared(shared.unsqueeze(0)).squeeze(0)  # [C, B, H]
        gates = self.gates(by_scene).softmax(-1)
        own, common = gates.split(self.counts, dim=-1)  # [S, B, K], [S, B, C]
        outputs = torch.einsum("sbk,skbh->sbh", own, of_scenes) + torch.einsum("sbc,cbh->sbh", common, of_all)
        every_expert = torch.cat([of_scenes.flatten(0, 1), of_all])  # [S * K + C, B, H]
        return outputs, mixture(self.shared_gate(shared).softmax(-1), every_expert), gates


class LastLevel(nn.Module):
    """The last level. Each row uses only the gate of its own scene, and there is no shared gate."""

    def __init__(self, scenes: int, size: int, scene_experts: int, shared_experts: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.counts = scene_experts, shared_experts
        self.of_scenes = Experts(1, scenes * scene_experts, size, sizes)
        self.shared = Experts(1, shared_experts, size, sizes)
        self.gates = SceneGates(scenes, size, scene_experts + shared_experts)

    def forward(self, by_scene: Tensor, shared: Tensor, scene: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mixed outputs [B, H] and the gates' weights [B, K + C]. by_scene: [S, B, D]. shared: [B, D]."""
        x = of_own_scene(by_scene, scene)  # each row's input to its own scene, [B, D]
        of_scenes = self.of_scenes(x.unsqueeze(0)).squeeze(0).unflatten(0, (-1, self.counts[0]))  # [S, K, B, H]
        of_all = self.shared(shared.unsqueeze(0)).squeeze(0)  # [C, B, H]
        gates = self.gates(x, scene)
        own, common = gates.split(self.counts, dim=-1)  # [B, K], [B, C]
        return mixture(own, of_own_scene(of_scenes, scene)) + mixture(common, of_all), gates


class PLE(nn.Module):
    """Levels of shared experts and experts of one scene (Tang et al., RecSys 2020): x [B, D], scene [B] -> logits [B].

    The experts of the last level have a layer for each of `expert_sizes`, those of earlier levels only the first layer.
    """

    def __init__(
        self,
        size: int,
        scenes: int,
        levels: int,
        scene_experts: int,
        shared_experts: int,
        expert_sizes: Sequence[int],
        tower_size: int,
    ) -> None:
        super().__init__()
        self.scenes = scenes
        counts = scene_experts, shared_experts
        sizes = [size, *[expert_sizes[0]] * (levels - 1)]
        self.levels = nn.ModuleList(ExtractionLevel(scenes, size, *counts, expert_sizes[:1]) for size in sizes[:-1])
        self.last = LastLevel(scenes, sizes[-1], *counts, expert_sizes)
        self.towers = SceneTowers(scenes, expert_sizes[-1], tower_size)

    def forward(self, x: Tensor, scene: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits [B] and {"level 1": weights [B, K + C], ...}, with a scene's own experts first."""
        by_scene, shared = x.expand(self.scenes, -1, -1), x
        weights = {}
        for number, level in enumerate(self.levels, start=1):
            by_scene, shared, gates = level(by_scene, shared)
            weights[f"level {number}"] = of_own_scene(gates, scene)
        mixed, weights[f"level {len(self.levels) + 1}"] = self.last(by_scene, shared, scene)
        return self.towers(mixed, scene), weights
