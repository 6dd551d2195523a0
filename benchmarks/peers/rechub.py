"""torch-rechub's MMOE, trained as in its documentation with DataGenerator and MTLTrainer. Its layers use BatchNorm."""

import sys
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader
from torch_rechub.basic.features import DenseFeature, SparseFeature
from torch_rechub.models.multi_task import MMOE
from torch_rechub.trainers import MTLTrainer
from torch_rechub.utils.data import DataGenerator, PredictDataset

from benchmarks.peers import task


def main(folder: Path) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    train, validation = (task.read_rows(folder, part) for part in ("train", "validation"))
    task_types = ["classification"] * task.SCENES
    model = MMOE(
        [  # all its embeddings must have the same size
            SparseFeature("user", task.USERS, task.EMBEDDING),
            SparseFeature("item", task.ITEMS, task.EMBEDDING),
            SparseFeature("scene", task.SCENES, task.EMBEDDING),
            *(DenseFeature(name) for name in task.NUMERIC_NAMES),
        ],
        task_types,
        n_expert=task.EXPERTS,
        expert_params={"dims": list(task.EXPERT_SIZES)},
        tower_params_list=[{"dims": [task.TOWER]}] * task.SCENES,
    )
    trainer = MTLTrainer(model, task_types, optimizer_params={"lr": task.LEARNING_RATE}, model_path=str(folder))
    trainer.loss_fns = [task.masked_loss] * task.SCENES
    columns, labels = validation.columns(), validation.task_labels()
    batches, _, _ = DataGenerator(train.columns(), train.task_labels()).generate_dataloader(
        x_val=columns, y_val=labels, x_test=columns, y_test=labels, batch_size=task.BATCH
    )
    unlabelled = DataLoader(PredictDataset(columns), task.BATCH)
    task.train_and_print(
        lambda: trainer.train_one_epoch(batches),
        lambda: validation.own(np.array(trainer.predict(model, unlabelled))),
        folder,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
