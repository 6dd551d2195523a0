"""How a model is trained."""

from dataclasses import dataclass
from typing import Literal, get_args

Device = Literal["cpu", "cuda"]
Criterion = Literal["logloss", "auc"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


@dataclass(frozen=True)
class LoopSettings:
    """Settings of the training loop.

    warmup_steps: steps over which the learning rate rises linearly to its value. clip_norm: the largest gradient norm
    of all but embeddings, 0 for no limit. stop_on: what on the validation rows decides the best epoch. scene_weights:
    what a row of each scene counts in the loss, in the scenes' order; None: all the same. embedding_decay: weight decay
    of embeddings, which then take a step in every row and not only where a batch looks. compile: by torch.compile,
    which takes a minute first.
    """

    epochs: int = 8
    batch_size: int = 1024
    learning_rate: float = 1e-3
    warmup_steps: int = 0
    weight_decay: float = 1e-4
    embedding_decay: float = 0.0
    clip_norm: float = 0.0
    scene_weights: tuple[float, ...] | None = None
    patience: int = 2
    stop_on: Criterion = "logloss"
    memory_mb: int = 4096
    seed: int = 7
    device: Device = "cpu"
    compile: bool = False

    def rate_of(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.learning_rate * min(1.0, step / self.warmup_steps) if self.warmup_steps else self.learning_rate
