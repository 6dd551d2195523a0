"""The optimizer of a whole model: deferred Adam for large embeddings, dense Adam for all other weights."""

from typing import Any

import torch
from torch import nn

from training.fitting.averaged_weights import AveragedWeights
from training.fitting.deferred_adam import DeferredAdam
from training.fitting.loop_settings import LoopSettings

_LARGE = 20_000  # with at least so many rows, it is cheaper to update only the rows in a batch


class ModelOptimizer:
    """Adam with warm-up, clipping and weight decay as in the settings. Embeddings have a separate weight decay.

    deferred: the id() of each parameter with sparse gradients. `step` averages these gradients over the processes; DDP
    averages all others.
    """

    def __init__(self, model: nn.Module, settings: LoopSettings) -> None:
        embeddings = [module for module in model.modules() if isinstance(module, nn.Embedding)]
        # Their usual decay is 0: it would pull a rare id towards zero in every step without the id.
        large = [e for e in embeddings if len(e.weight) >= _LARGE and not settings.embedding_decay]
        self.deferred = {id(embedding.weight) for embedding in large}
        small = [e.weight for e in embeddings if id(e.weight) not in self.deferred]
        apart = self.deferred | {id(weight) for weight in small}
        self._others = [parameter for parameter in model.parameters() if id(parameter) not in apart]
        groups = [
            {"params": small, "weight_decay": settings.embedding_decay},
            {"params": self._others, "weight_decay": settings.weight_decay},
        ]
        self._dense = torch.optim.Adam(groups, lr=settings.learning_rate, fused=True)
        self._deferred = DeferredAdam(large, settings.rate_of, settings.warmup_steps) if large else None
        self.average = AveragedWeights(self._others)
        self._settings = settings
        self._steps = 0

    def zero_grad(self) -> None:
        self._dense.zero_grad(set_to_none=True)
        if self._deferred:
            self._deferred.zero_grad()

    def step(self) -> None:
        self._steps += 1
        if self._settings.clip_norm:
            nn.utils.clip_grad_norm_(self._others, self._settings.clip_norm)
        for group in self._dense.param_groups:
            group["lr"] = self._settings.rate_of(self._steps)
        self._dense.step()
        if self._deferred:
            self._deferred.step()
        self.average.update(self._steps)

    def settle(self) -> None:
        """Take all deferred steps, so that the weights can be read."""
        if self._deferred:
            self._deferred.flush()

    def state_dict(self) -> dict[str, Any]:
        deferred = self._deferred.state_dict() if self._deferred else None
        average = self.average.state_dict()
        return {"steps": self._steps, "dense": self._dense.state_dict(), "deferred": deferred, "average": average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state. Raises KeyError, TypeError or ValueError if it belongs to another model."""
        self._steps = state["steps"]
        self._dense.load_state_dict(state["dense"])
        self.average.load_state_dict(state["average"])
        if self._deferred:
            self._deferred.load_state_dict(state["deferred"])
