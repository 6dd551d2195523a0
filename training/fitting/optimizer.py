"""The optimizer of a whole model: dense Adam for what every batch touches, deferred Adam for large embeddings."""

from typing import Any

import torch
from torch import nn

from training.fitting.deferred_adam import DeferredAdam
from training.fitting.loop_settings import LoopSettings

_LARGE = 20_000  # rows from which looking rows up costs less than stepping through all of them


class ModelOptimizer:
    """Adam with warm-up and clipping as the settings have them, and no weight decay on embeddings unless asked for.

    deferred: ids of the parameters with sparse gradients. `step` averages these over the processes, DDP the others.
    """

    def __init__(self, model: nn.Module, settings: LoopSettings) -> None:
        embeddings = [module for module in model.modules() if isinstance(module, nn.Embedding)]
        # Decay would pull rarely seen ids to zero at every step in which they do not occur.
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
        self._settings = settings
        self._steps = 0

    def zero_grad(self) -> None:
        """Drops all gradients."""
        self._dense.zero_grad(set_to_none=True)
        if self._deferred:
            self._deferred.zero_grad()

    def step(self) -> None:
        """One step along the gradients."""
        self._steps += 1
        if self._settings.clip_norm:
            nn.utils.clip_grad_norm_(self._others, self._settings.clip_norm)
        for group in self._dense.param_groups:
            group["lr"] = self._settings.rate_of(self._steps)
        self._dense.step()
        if self._deferred:
            self._deferred.step()

    def settle(self) -> None:
        """Brings every weight up to date, for whoever reads them: deferred steps are made up for."""
        if self._deferred:
            self._deferred.flush()

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values."""
        deferred = self._deferred.state_dict() if self._deferred else None
        return {"steps": self._steps, "dense": self._dense.state_dict(), "deferred": deferred}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of state_dict. Raises KeyError, TypeError or ValueError on the state of another model."""
        self._steps = state["steps"]
        self._dense.load_state_dict(state["dense"])
        if self._deferred:
            self._deferred.load_state_dict(state["deferred"])
