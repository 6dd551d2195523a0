"""Statistics of the gates: mean weight of each expert by scene, entropy, and experts that no scene really uses."""

from typing import Any

import torch
from torch import Tensor

from warehouse.tables import SCENES

COLLAPSED_BELOW = 0.1  # relative to an equal share: an expert below it in every scene contributes next to nothing


class GateStatistics:
    """Accumulates gate weights and their entropies, batch by batch."""

    def __init__(self) -> None:
        self._rows = torch.zeros(len(SCENES), dtype=torch.float64)
        self._weights: dict[str, Tensor] = {}  # by gate, summed by scene: [S, K]
        self._entropy: dict[str, Tensor] = {}  # by gate, summed by scene: [S]

    def add(self, scene: Tensor, gates: dict[str, Tensor]) -> None:
        """Add n rows. scene: [n]. gates: by gate, the weights [n, K], which add up to 1 in each row."""
        self._rows.index_add_(0, scene, torch.ones(len(scene), dtype=torch.float64))
        for name, weights in gates.items():
            weights = weights.double()
            entropy = -torch.special.xlogy(weights, weights).sum(-1)
            self._weights.setdefault(name, torch.zeros(len(SCENES), weights.shape[1], dtype=torch.float64))
            self._entropy.setdefault(name, torch.zeros(len(SCENES), dtype=torch.float64))
            self._weights[name].index_add_(0, scene, weights)
            self._entropy[name].index_add_(0, scene, entropy)

    def report(self) -> dict[str, Any]:
        """Return the collapsed experts of each gate, and for each scene the mean weights and the mean entropy in nats.

        Scenes without rows are left out. Experts are numbered from 0.
        """
        seen = [position for position in range(len(SCENES)) if self._rows[position]]
        return {
            name: {
                "by_scene": {
                    str(SCENES[s]): {
                        "weights": (sums[s] / self._rows[s]).tolist(),
                        "entropy": float(self._entropy[name][s] / self._rows[s]),
                    }
                    for s in seen
                },
                "collapsed": self._collapsed(sums, seen),
            }
            for name, sums in self._weights.items()
        }

    def _collapsed(self, sums: Tensor, seen: list[int]) -> list[int]:
        mean = sums[seen] / self._rows[seen, None]
        return torch.nonzero((mean < COLLAPSED_BELOW / mean.shape[1]).all(0)).flatten().tolist()
