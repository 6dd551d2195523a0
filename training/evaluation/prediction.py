"""Predict with a model, batch by batch."""

import torch
from torch import Tensor

from training.data.rows import Rows
from training.models.gate_statistics import GateStatistics
from training.models.row_scorer import RowScorer

PREDICTION_ROWS = 16_384  # larger batches are no faster and would set the run's peak memory


def predict(model: RowScorer, rows: Rows, gates: GateStatistics | None = None) -> Tensor:
    """Return the logits of the rows, [n] float32, on the CPU. Gate weights are added to the statistics in `gates`."""
    logits = []
    for start in range(0, len(rows), PREDICTION_ROWS):
        batch = rows.slice(start, start + PREDICTION_ROWS)
        batch_logits, weights = model.score(batch)
        if gates is not None:
            gates.add(batch.scene, weights)
        logits.append(batch_logits)
    return torch.cat(logits).cpu()
