"""Binned rows for trees. LightGBM reads them batch by batch, and holds nothing but their bins."""

from typing import Any

import numpy as np
import torch

from training.data.batches import Batches
from training.data.input_shape import InputShape
from training.fitting.loop_settings import LoopSettings
from training.models.gbdt import features_of
from training.scoring.trees import Dataset, Sequence, tree_categories, tree_columns


class _RowsInOrder(Sequence):
    """All rows in an order drawn from the seed. LightGBM asks for a sample of them first, then for batch after batch.

    label, weight: [n], complete when the last batch was asked for.
    """

    def __init__(self, batches: Batches, shape: InputShape, settings: LoopSettings) -> None:
        self.batch_size = settings.batch_size
        self.label = np.empty(batches.rows, dtype=np.float32)
        self.weight = np.ones(batches.rows, dtype=np.float32)
        self._source, self._shape = batches, shape
        self._seed, self._scene_weights = settings.seed, settings.scene_weights
        self._go_back()

    def __len__(self) -> int:
        return self._source.rows

    def __getitem__(self, wanted: Any) -> np.ndarray:
        """Return the features of a row, [C], or of a slice within a batch, [m, C]."""
        first = wanted.start if isinstance(wanted, slice) else int(wanted)
        if first < self._start:
            self._go_back()
        while first >= self._start + len(self._features):
            self._go_on()
        within = (
            slice(first - self._start, wanted.stop - self._start) if isinstance(wanted, slice) else first - self._start
        )
        return self._features[within]

    def _go_back(self) -> None:
        self._batches = self._source.epoch(torch.Generator().manual_seed(self._seed))
        self._start, self._features = 0, np.empty((0, 0))

    def _go_on(self) -> None:
        batch = next(self._batches)
        self._start += len(self._features)
        self._features = features_of(batch, self._shape).astype(np.float64)  # LightGBM asks for these
        part = slice(self._start, self._start + len(batch))
        self.label[part] = batch.label.numpy()
        if self._scene_weights:
            self.weight[part] = np.array(self._scene_weights)[batch.scene.numpy()]


def binned(batches: Batches, shape: InputShape, settings: LoopSettings, parameters: dict[str, Any]) -> Dataset:
    """Return the rows as LightGBM trains on them."""
    rows = _RowsInOrder(batches, shape, settings)
    return Dataset(
        rows,
        rows.label,  # LightGBM reads this and the weights after the features
        weight=rows.weight,
        feature_name=tree_columns(shape),
        categorical_feature=tree_categories(shape),
        params=parameters,
    )
