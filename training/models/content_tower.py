"""The content part of a model: a tower that reads texts, and a gate that weighs it against the backbone."""

from torch import Tensor, nn

from training.models.gates import own_scene
from training.models.text_input import TextInput
from training.models.towers import SceneTowers

_HIDDEN_SIZE, _TOWER_SIZE = 64, 32
_LIMIT = 10.0  # of the alpha gate's logit: in float32, sigmoid(17) is 1


class ContentTower(nn.Module):
    """Linear, ReLU and Dropout, then a tower for each scene: x [B, D], scene [B] -> logits [B]."""

    def __init__(self, scenes: int, size: int, dropout: float) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(size, _HIDDEN_SIZE), nn.ReLU(), nn.Dropout(dropout))
        self.towers = SceneTowers(scenes, _HIDDEN_SIZE, _TOWER_SIZE)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        return self.towers(self.shared(x), scene)


class AlphaGate(nn.Module):
    """Computes the content tower's weight, with a gate for each scene: x [B, D], scene [B] -> alpha [B] in (0, 1)."""

    def __init__(self, scenes: int, size: int) -> None:
        super().__init__()
        self.logits = nn.Linear(size, scenes)

    def forward(self, x: Tensor, scene: Tensor) -> Tensor:
        logit = own_scene(self.logits(x).unsqueeze(-1), scene).squeeze(-1)  # [B, S, 1] -> [B]
        return logit.clamp(-_LIMIT, _LIMIT).sigmoid()


class ContentSide(nn.Module):
    """The content tower and its gate: text embeddings [B, T, K], scene [B] -> logits [B], alpha [B]."""

    def __init__(self, scenes: int, texts: int, size: int, dropout: float) -> None:
        super().__init__()
        self.input = TextInput(texts, size)
        self.tower = ContentTower(scenes, self.input.output_size, dropout)
        self.alpha_gate = AlphaGate(scenes, self.input.output_size)

    def forward(self, texts: Tensor, scene: Tensor) -> tuple[Tensor, Tensor]:
        x = self.input(texts)
        return self.tower(x, scene), self.alpha_gate(x, scene)

    def alpha(self, texts: Tensor, scene: Tensor) -> Tensor:
        """Return alpha [B] without the logits."""
        return self.alpha_gate(self.input(texts), scene)
