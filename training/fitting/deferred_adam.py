"""Adam for large embedding tables: the cost of a step depends on the rows in the batch, not on the table's size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from training.distributed import averaged_rows, count

Schedule = Callable[[int], float]  # from a step, counted from 1, to its learning rate
_BETAS = (0.9, 0.999)  # how much of the running means of gradients and of their squares a step keeps
_SETTLED = 20_000  # steps after which Adam's bias corrections are 1 in float32


@dataclass
class _Moments:
    """Adam's state for one embedding. mean, square: [V, D]. seen: the step of each row's last update, int64 [V]."""

    mean: Tensor
    square: Tensor
    seen: Tensor

    def to(self, device: torch.device) -> "_Moments":
        return _Moments(self.mean.to(device), self.square.to(device), self.seen.to(device))


class DeferredAdam:
    """Dense Adam (Kingma and Ba, 2015) for embeddings, with the steps of rows that are not in a batch deferred.

    A row takes its deferred steps at once when it is next looked up. Dense Adam moves rows that are not in a batch as
    well, by their fading momentum. Leaving these moves out, as torch.optim.SparseAdam does, costs quality. The moves of
    k steps without a gradient add up to
    m / sqrt(v) * sum_j lr_j * (b1 / sqrt(b2))^j * sqrt(1 - b2^(s+j)) / (1 - b1^(s+j)), a difference of two entries of
    a precomputed table. The only approximation is that epsilon is constant during these steps. Call `flush` before
    anything else reads the weights.
    """

    def __init__(
        self,
        embeddings: Sequence[nn.Embedding],
        schedule: Schedule,
        settled_after: int = 0,
        eps: float = 1e-8,
    ) -> None:
        """settled_after: the step after which the learning rate is constant."""
        self._weights = [embedding.weight for embedding in embeddings]
        self._moments = [_no_moments(weight) for weight in self._weights]
        self._schedule, self._eps = schedule, eps
        later_moves = _later_moves(schedule, max(_SETTLED, settled_after))
        self._later_moves = later_moves.to(self._weights[0].device)
        self._step = 0
        for number, embedding in enumerate(embeddings):
            embedding.sparse = True
            embedding.register_forward_pre_hook(partial(self._before_lookup, number))

    def zero_grad(self) -> None:
        for weight in self._weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step of Adam for the rows that have a gradient."""
        gradients = [averaged_rows(weight.grad) if weight.grad is not None else None for weight in self._weights]
        for number, gradient in enumerate(gradients):
            if gradient is not None and count() > 1:  # some rows were looked up only by other processes
                self._catch_up(number, gradient.indices()[0])
        self._step += 1
        b1, b2 = _BETAS
        for weight, moments, gradient in zip(self._weights, self._moments, gradients, strict=True):
            if gradient is None:
                continue
            rows, values = gradient.indices()[0], gradient.values()
            mean = moments.mean[rows].lerp_(values, 1 - b1)
            square = moments.square[rows].mul_(b2).addcmul_(values, values, value=1 - b2)
            moments.mean[rows], moments.square[rows], moments.seen[rows] = mean, square, self._step
            spread = square.div_(1 - b2**self._step).sqrt_().add_(self._eps)
            weight.index_add_(0, rows, mean.div_(spread), alpha=-self._schedule(self._step) / (1 - b1**self._step))

    @torch.no_grad()
    def flush(self) -> None:
        """Take all deferred steps of all rows."""
        for number, moments in enumerate(self._moments):
            self._catch_up(number, (moments.seen < self._step).nonzero().flatten())

    def state_dict(self) -> dict[str, Any]:
        return {"step": self._step, "moments": [vars(moments) for moments in self._moments]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state. Raises KeyError, TypeError or ValueError if it belongs to another model."""
        moments = [_Moments(**saved) for saved in state["moments"]]
        if [saved.mean.shape for saved in moments] != [weight.shape for weight in self._weights]:
            raise ValueError("the state belongs to other embeddings")
        self._step = state["step"]
        self._moments = [saved.to(weight.device) for saved, weight in zip(moments, self._weights, strict=True)]

    @torch.no_grad()
    def _before_lookup(self, number: int, embedding: nn.Module, inputs: tuple[Tensor]) -> None:
        if embedding.training:
            self._catch_up(number, inputs[0].unique())

    def _catch_up(self, number: int, rows: Tensor) -> None:
        weight, moments, (b1, b2) = self._weights[number], self._moments[number], _BETAS
        seen = moments.seen[rows]
        behind = (seen < self._step) & (seen > 0)
        rows, seen = rows[behind], seen[behind]
        if not len(rows):
            return
        mean, square = moments.mean[rows], moments.square[rows]
        missed = (self._step - seen).to(torch.float64)
        settled = len(self._later_moves) - 1
        moves = self._later_moves[seen.clamp(max=settled)]
        moves -= (b1 / b2**0.5) ** missed * self._later_moves[min(self._step, settled)]
        eps = self._eps * (1 - b2 ** seen.to(torch.float64)).sqrt()
        weight.index_add_(0, rows, mean / (square.sqrt() + _column(eps)) * _column(moves), alpha=-1)
        moments.mean[rows], moments.square[rows] = mean * _column(b1**missed), square * _column(b2**missed)
        moments.seen[rows] = self._step


def _no_moments(weight: Tensor) -> _Moments:
    seen = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)
    return _Moments(torch.zeros_like(weight), torch.zeros_like(weight), seen)


def _column(values: Tensor) -> Tensor:
    return values.to(torch.float32).unsqueeze(1)


def _later_moves(schedule: Schedule, settled: int) -> Tensor:
    """Return, for every step s, the sum of all later moves without gradients, in units of m / sqrt(v), float64."""
    b1, b2 = _BETAS
    ratio = b1 / b2**0.5
    later = schedule(settled + 1) * ratio / (1 - ratio)
    table = [later]
    for step in range(settled, 0, -1):
        later = ratio * (schedule(step) * (1 - b2**step) ** 0.5 / (1 - b1**step) + later)
        table.append(later)
    return torch.tensor(table[::-1], dtype=torch.float64)
