"""This project's din with its own batches, loop, validation, metrics and checkpoints."""

import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers import history_rows, task
from benchmarks.peers.ours import train_ours
from training.data.impression_sequences import FACTS
from training.data.input_shape import InputShape
from training.data.rows import AGE, CLICKED, Rows
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.model_settings import ModelSettings

_SIZES = {"user_id": history_rows.USERS, "item_id": history_rows.ITEMS, "scene": history_rows.SCENES}


def main(folder: Path) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    # Without dropout, as in the other contender.
    settings = ModelSettings(task.EMBEDDING, hidden_size=history_rows.HIDDEN, dropout=0, id_dropout=0)
    model = RowModel(build_model("din", InputShape.without_histories(_SIZES, numeric_size=0), settings))
    train, validation = (_rows(history_rows.read_history_rows(folder, part)) for part in ("train", "validation"))
    train_ours(model, train, validation, folder, history_rows.BATCH, history_rows.LEARNING_RATE)


def _rows(sample: history_rows.HistoryRows) -> Rows:
    categorical = np.stack([sample.user, sample.item, sample.scene], axis=1)
    facts = np.zeros((*sample.history.shape, FACTS), dtype=np.uint8)
    facts[..., AGE] = facts[..., CLICKED] = sample.history > 0
    return Rows(
        torch.from_numpy(categorical),
        torch.zeros(len(categorical), 0),
        torch.from_numpy(sample.label),
        history_items=torch.from_numpy(sample.history.astype(np.int32)),
        history_facts=torch.from_numpy(facts),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
