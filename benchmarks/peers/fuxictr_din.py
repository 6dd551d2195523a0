"""A deep interest network with fuxictr's own input, attention, layers, batches and training step.

fuxictr's package lacks the DIN of its model zoo, so this one is built from the same layers, with that model's defaults
except the sizes that all contenders share.
"""

import math
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
from fuxictr.features import FeatureMap
from fuxictr.pytorch.dataloaders import RankDataLoader
from fuxictr.pytorch.layers import DIN_Attention, FeatureEmbeddingDict, MLP_Block
from fuxictr.pytorch.models import BaseModel
from torch import Tensor

from benchmarks.peers import history_rows, task

_SIZES = {"user": history_rows.USERS, "item": history_rows.ITEMS, "scene": history_rows.SCENES}


class DIN(BaseModel):
    """Columns of a batch -> probabilities."""

    def __init__(self, features: FeatureMap, folder: Path) -> None:
        super().__init__(features, task="binary_classification", metrics=["AUC"], verbose=0, model_root=folder)
        self.embedding = FeatureEmbeddingDict(features, task.EMBEDDING)
        self.attention = DIN_Attention(task.EMBEDDING, attention_units=[64], hidden_activations="Dice")
        activation = self.output_activation
        hidden = [history_rows.HIDDEN]
        self.dnn = MLP_Block(4 * task.EMBEDDING, hidden, output_dim=1, output_activation=activation)
        self.compile("adam", "binary_crossentropy", history_rows.LEARNING_RATE)
        self.reset_parameters()
        # fit() would set these before train_epoch(), but it would also evaluate during the epoch.
        self._max_gradient_norm, self._eval_steps = 10.0, math.inf
        self._total_steps, self._stop_training = 0, False

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the probabilities [B, 1]."""
        columns = self.get_inputs(inputs)
        embedded = self.embedding(columns)
        is_there = columns["history"].long() != 0
        embedded["history"] = self.attention(embedded["item"], embedded["history"], is_there)
        return {"y_pred": self.dnn(self.embedding.dict2tensor(embedded, flatten_emb=True))}


def main(folder: Path) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    for part in ("train", "validation"):
        np.savez(folder / f"fuxictr_{part}.npz", **vars(history_rows.read_history_rows(folder, part)))
    features = _features(folder)
    batches, validation_batches = RankDataLoader(
        features,
        stage="train",
        train_data=str(folder / "fuxictr_train.npz"),
        valid_data=str(folder / "fuxictr_validation.npz"),
        batch_size=history_rows.BATCH,
    )
    model = DIN(features, folder)
    task.train_and_print(lambda: model.train_epoch(batches), lambda: model.predict(validation_batches), folder)


def _features(folder: Path) -> FeatureMap:
    features = FeatureMap("rows", str(folder))
    shared = {"type": "sequence", "source": "", "share_embedding": "item", "feature_encoder": None}
    features.features = OrderedDict(
        {name: {"type": "categorical", "source": "", "vocab_size": size} for name, size in _SIZES.items()}
        | {"history": {**shared, "vocab_size": history_rows.ITEMS, "max_len": history_rows.LENGTH}}
    )
    features.labels, features.default_emb_dim = ["label"], task.EMBEDDING
    features.num_fields = features.get_num_fields()
    features.set_column_index()
    return features


if __name__ == "__main__":
    main(Path(sys.argv[1]))
