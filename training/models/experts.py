"""Experts: many small networks, computed as one batched product per layer."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class GroupedLinear(nn.Module):
    """G parallel linear layers: [G, B, D] -> [G, B, H]. Each is initialised like nn.Linear."""

    def __init__(self, groups: int, size: int, output_size: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(size)
        self.weight = nn.Parameter(torch.empty(groups, size, output_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(groups, 1, output_size).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class Experts(nn.Module):
    """K experts in each of G groups. Each group has its own input: [G, B, D] -> [G, K, B, H].

    An expert is an MLP with layers of the given sizes and a ReLU after each layer. H is the last size.
    """

    def __init__(self, groups: int, experts: int, size: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.shape = groups, experts
        # All experts of a group read the same input, so their first layers are a single wide product.
        self.first = GroupedLinear(groups, size, experts * sizes[0])
        self.others = nn.ModuleList(GroupedLinear(groups * experts, *layer) for layer in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        # ReLU in place: allocating the hidden units of all experts again would take a tenth of a step.
        wide = self.first(x).relu_().unflatten(2, (self.shape[1], -1))  # [G, B, K, H1]
        hidden = wide.transpose(1, 2).flatten(0, 1)  # [G * K, B, H1]
        for layer in self.others:
            hidden = layer(hidden).relu_()
        return hidden.unflatten(0, self.shape)
