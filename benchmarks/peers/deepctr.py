"""DeepCTR-Torch's MMOE, trained as in its documentation: feature columns, compile, fit; its own initial values."""

import sys
from pathlib import Path

from deepctr_torch.inputs import DenseFeat, SparseFeat
from deepctr_torch.models import MMOE

from benchmarks.peers import task


def main(folder: Path) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    train, validation = (task.read_rows(folder, part) for part in ("train", "validation"))
    model = MMOE(
        [
            SparseFeat("user", task.USERS, task.EMBEDDING),
            SparseFeat("item", task.ITEMS, task.EMBEDDING),
            SparseFeat("scene", task.SCENES, task.SCENE_EMBEDDING),
            *(DenseFeat(name) for name in task.NUMERIC_NAMES),
        ],
        num_experts=task.EXPERTS,
        expert_dnn_hidden_units=task.EXPERT_SIZES,
        gate_dnn_hidden_units=(),
        tower_dnn_hidden_units=(task.TOWER,),
        l2_reg_embedding=0,
        task_types=["binary"] * task.SCENES,
        task_names=[f"scene_{scene}" for scene in range(task.SCENES)],
    )
    model.compile("adam", task.masked_loss)  # its Adam uses the task's learning rate by default
    columns, labels, validation_columns = train.columns(), train.task_labels(), validation.columns()
    task.train_and_print(
        lambda: model.fit(columns, labels, batch_size=task.BATCH, epochs=1, verbose=0),
        lambda: validation.own(model.predict(validation_columns, task.BATCH)),
        folder,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
