"""The content tower and the alpha gate, which any backbone may have."""

import torch
from torch import Tensor, nn

from training.data.rows import Rows
from training.models.gates import GatedModel, own_scene
from training.models.towers import SceneTowers

_PROJECTED_SIZE, _HIDDEN_SIZE, _TOWER_SIZE = 32, 64, 32
_LIMIT = 10.0  # of the gate's logit: in float32, sigmoid(17) is 1


class ContentTower(nn.Module):
    """Linear, ReLU, Dropout and a tower a scene over text embeddings: [B, D], scene [B] -> logits [B]."""

    def __init__(self, scenes: int, size: int, dropout: float) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(size, _HIDDEN_SIZE), nn.ReLU(), nn.Dropout(dropout))
        self.towers = SceneTowers(scenes, _HIDDEN_SIZE, _TOWER_SIZE)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        """Logits [B]."""
        return self.towers(self.shared(x), scene)


class AlphaGate(nn.Module):
    """How much a row takes of its content, by a gate a scene: [B, D], scene [B] -> a [B], within (0, 1)."""

    def __init__(self, scenes: int, size: int) -> None:
        super().__init__()
        self.logits = nn.Linear(size, scenes)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        """a [B]."""
        logit = own_scene(self.logits(x).unsqueeze(2), scene).squeeze(1)
        return logit.clamp(-_LIMIT, _LIMIT).sigmoid()


class ContentInput(nn.Module):
    """Text embeddings projected alike, and of two texts their product: [B, T, K] -> [B, output_size].

    One projection for all texts: the product of an item's and a query's then says how far they mean the same, however
    the embedding's own dimensions lie.
    """

    def __init__(self, texts: int, size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(size, _PROJECTED_SIZE, bias=False)
        self.output_size = _PROJECTED_SIZE * (texts + (texts == 2))

    def forward(self, embedded: Tensor) -> Tensor:
        """[B, output_size]."""
        x = self.projection(embedded)
        if x.shape[1] == 2:
            x = torch.cat([x, x.prod(1, keepdim=True)], dim=1)
        return x.flatten(1)


class ContentModel(GatedModel):
    """(1 - a) * backbone + a * content, on logits: Rows of B with texts -> logits [B].

    The content side sees the whitened embeddings of a row's T texts alone, K numbers each. `look_up_in` says where
    these lie: they are no weights and not part of the model's state.
    """

    def __init__(self, backbone: nn.Module, scenes: int, texts: int, size: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = ContentInput(texts, size)
        self.tower = ContentTower(scenes, self.input.output_size, dropout)
        self.alpha_gate = AlphaGate(scenes, self.input.output_size)
        self.register_buffer("table", torch.zeros(1, size), persistent=False)

    def look_up_in(self, table: Tensor) -> None:
        """Takes the rows' text indexes as positions in `table`, [n, K]."""
        self.table = table

    def with_gates(self, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits [B] and the backbone's gates, if it has any."""
        if isinstance(self.backbone, GatedModel):
            logit, gates = self.backbone.with_gates(rows)
        else:
            logit, gates = self.backbone(rows), {}
        x = self.input(self.table[rows.text])
        a = self.alpha_gate(x, rows.scene)
        return (1 - a) * logit + a * self.tower(x, rows.scene), gates

    def alpha(self, rows: Rows) -> Tensor:
        """a [B]."""
        return self.alpha_gate(self.input(self.table[rows.text]), rows.scene)
