"""The sizes and dropout rates of models."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSettings:
    """The settings of all models. Each model uses those that apply to it."""

    embedding_size: int = 16
    hidden_size: int = 128
    dropout: float = 0.2
    id_dropout: float = 0.4
    unseen_rate: float = 0.2
    text_in_backbone: bool = False
    experts: int = 4
    levels: int = 2
    scene_experts: int = 1
    shared_experts: int = 3
    leaves: int = 31
    min_count: int = 1
