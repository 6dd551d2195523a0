"""An MMoE with fuxictr's own input, layers, batches and training step.

fuxictr's package lacks the MMoE of its model zoo, so this one is built from the same layers. Its input embeds the
numeric features too, which makes 43 * 16 numbers per row. The other contenders have 76.
"""

import math
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.dataloaders import RankDataLoader
from fuxictr.pytorch.layers import FeatureEmbedding, MLP_Block
from fuxictr.pytorch.models import MultiTaskModel
from torch import Tensor, nn

from benchmarks.peers import task

_LABELS = [f"label_{scene}" for scene in range(task.SCENES)]
_CATEGORICAL = {"user": task.USERS, "item": task.ITEMS, "scene": task.SCENES}


class MMoE(MultiTaskModel):
    """Experts, gates and towers as lists of fuxictr's MLP blocks: columns of a batch -> probabilities by label."""

    def __init__(self, features: FeatureMap, folder: Path) -> None:
        super().__init__(
            features, num_tasks=task.SCENES, task="binary_classification", metrics=["AUC"], verbose=0, model_root=folder
        )
        size, last = features.sum_emb_out_dim(), task.EXPERT_SIZES[-1]
        self.embedding = FeatureEmbedding(features, task.EMBEDDING)
        self.experts = nn.ModuleList(MLP_Block(size, list(task.EXPERT_SIZES)) for _ in range(task.EXPERTS))
        self.gates = nn.ModuleList(MLP_Block(size, output_dim=task.EXPERTS) for _ in _LABELS)
        self.towers = nn.ModuleList(MLP_Block(last, [task.TOWER], output_dim=1) for _ in _LABELS)
        self.compile("adam", "binary_crossentropy", task.LEARNING_RATE)
        self.loss_fn = [task.masked_loss] * task.SCENES
        self.reset_parameters()
        # fit() would set these before train_epoch(), but it would also evaluate during the epoch.
        self._max_gradient_norm, self._eval_steps = 10.0, math.inf
        self._total_steps, self._stop_training = 0, False

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return a probability [B, 1] for each label."""
        x = self.embedding(self.get_inputs(inputs), flatten_emb=True)
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        predicted = {}
        for number, label in enumerate(_LABELS):
            weights = self.gates[number](x).softmax(1).unsqueeze(2)
            logit = self.towers[number]((weights * experts).sum(1))
            predicted[f"{label}_pred"] = self.output_activation[number](logit)
        return predicted


def main(folder: Path) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    for part in ("train", "validation"):
        sample = task.read_rows(folder, part)
        columns: dict[str, Any] = sample.columns() | dict(zip(_LABELS, sample.task_labels().T, strict=True))
        np.savez(folder / f"fuxictr_{part}.npz", **columns)
    features = _features(folder)
    batches, validation_batches = RankDataLoader(
        features,
        stage="train",
        train_data=str(folder / "fuxictr_train.npz"),
        valid_data=str(folder / "fuxictr_validation.npz"),
        batch_size=task.BATCH,
    )
    model = MMoE(features, folder)

    def predict() -> np.ndarray:
        predicted = model.predict(validation_batches)
        return sample.own(np.stack([predicted[label] for label in _LABELS], axis=1))

    task.train_and_print(lambda: model.train_epoch(batches), predict, folder)


def _features(folder: Path) -> FeatureMap:
    features = FeatureMap("rows", str(folder))
    features.features = OrderedDict(
        {name: {"type": "categorical", "source": "", "vocab_size": size} for name, size in _CATEGORICAL.items()}
        | {name: {"type": "numeric", "source": ""} for name in task.NUMERIC_NAMES}
    )
    features.labels, features.default_emb_dim = _LABELS, task.EMBEDDING
    features.num_fields = features.get_num_fields()
    features.set_column_index()
    return features


if __name__ == "__main__":
    main(Path(sys.argv[1]))
