"""A moving average of weights, which predicts better than the weights of any single step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

_DECAY = 0.99  # the average reaches back about 100 steps
_FIRST_STEPS = 10  # until about ten times as many, the average reaches back a tenth of the steps taken


class AveragedWeights:
    """An exponential moving average of parameters (Polyak averaging, as in Tarvainen and Valpola, 2017)."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._parameters = list(parameters)
        self._average = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the parameters after a step, counted from 1."""
        decay = min(_DECAY, step / (step + _FIRST_STEPS))
        torch._foreach_lerp_(self._average, [parameter.detach() for parameter in self._parameters], 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the parameters hold their average during the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def keep(self) -> None:
        """Set the parameters to their average for good."""
        for parameter, average in zip(self._parameters, self._average, strict=True):
            parameter.copy_(average)

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, average in zip(self._parameters, self._average, strict=True):
            held = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(held)

    def state_dict(self) -> list[Tensor]:
        return self._average

    def load_state_dict(self, state: list[Tensor]) -> None:
        """Restore what state_dict returned. Raises ValueError or RuntimeError if it is another model's."""
        for average, saved in zip(self._average, state, strict=True):
            average.copy_(saved)
