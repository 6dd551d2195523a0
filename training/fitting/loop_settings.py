"""The settings of the training loop."""

from dataclasses import dataclass
from typing import Literal, get_args

from training.model_names import GBDT, LR

Device = Literal["cpu", "cuda"]
Criterion = Literal["logloss", "auc"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)


@dataclass(frozen=True)
class LoopSettings:
    """Settings of the training loop.

    warmup_steps: steps over which the learning rate rises linearly from 0 to its full value.
    weight_decay: for all weights except embeddings.
    embedding_decay: weight decay of embeddings; if it is not 0, every step changes every row, which is slower.
    clip_norm: the maximum norm of the gradient of all weights except embeddings; 0 for no limit.
    scene_weights: the weight of a row in the loss by scene, in the order of SCENES; None for equal weights.
    stop_on: the validation metric that decides which epoch is the best.
    memory_mb: memory for training rows; if they need more, they are streamed from disk.
    compile: whether to use torch.compile, which takes a minute at the start.
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
        """Return the learning rate of a step, counted from 1."""
        return self.learning_rate * min(1.0, step / self.warmup_steps) if self.warmup_steps else self.learning_rate


# The other defaults suit the networks. A convex model takes larger steps, and its weights of ids need a decay, as
# nothing else keeps them small. The learning rate of trees is the share of each tree that is added.
_OWN_DEFAULTS = {LR: LoopSettings(learning_rate=0.01, embedding_decay=0.001), GBDT: LoopSettings(learning_rate=0.05)}


def default_settings(model: str) -> LoopSettings:
    """Return the settings of a model for which nothing else was asked."""
    return _OWN_DEFAULTS.get(model, LoopSettings())
