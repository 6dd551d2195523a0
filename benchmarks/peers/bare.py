"""A bare PyTorch loop: tensors in memory, one permutation per epoch, experts as batched products, nothing else."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.peers import task


class BareMMoE(nn.Module):
    """user, item, scene [B], numeric [B, NUMERIC] -> logits [B]."""

    def __init__(self) -> None:
        super().__init__()
        self.user = nn.Embedding(task.USERS, task.EMBEDDING)
        self.item = nn.Embedding(task.ITEMS, task.EMBEDDING)
        self.scene = nn.Embedding(task.SCENES, task.SCENE_EMBEDDING)
        size = 2 * task.EMBEDDING + task.SCENE_EMBEDDING + task.NUMERIC
        first, last = task.EXPERT_SIZES
        self.first = nn.Linear(size, task.EXPERTS * first)
        self.second = nn.Parameter(torch.empty(task.EXPERTS, first, last).uniform_(-(first**-0.5), first**-0.5))
        self.second_bias = nn.Parameter(torch.zeros(task.EXPERTS, 1, last))
        self.gates = nn.Linear(size, task.SCENES * task.EXPERTS)
        self.towers = nn.Linear(last, task.SCENES * task.TOWER)
        self.output = nn.Linear(task.TOWER, task.SCENES)

    def forward(self, user: Tensor, item: Tensor, scene: Tensor, numeric: Tensor) -> Tensor:
        """Return logits [B]."""
        row = torch.arange(len(user))
        x = torch.cat([self.user(user), self.item(item), self.scene(scene), numeric], 1)
        hidden = self.first(x).relu().view(len(x), task.EXPERTS, -1).transpose(0, 1)
        experts = torch.baddbmm(self.second_bias, hidden, self.second).relu()
        gate = self.gates(x).view(len(x), task.SCENES, -1)[row, scene].softmax(1)
        mixed = torch.einsum("bk,kbh->bh", gate, experts)
        tower = self.towers(mixed).view(len(x), task.SCENES, -1)[row, scene].relu()
        return self.output(tower)[row, scene]


def main(folder: Path) -> None:
    """Train on the rows in the folder."""
    task.prepare_torch()
    train, validation = (
        [torch.from_numpy(column) for column in vars(task.read_rows(folder, part)).values()]
        for part in ("train", "validation")
    )
    model = BareMMoE()
    optimizer = torch.optim.Adam(model.parameters(), lr=task.LEARNING_RATE)

    def train_epoch() -> None:
        model.train()
        for index in torch.randperm(len(train[0])).split(task.BATCH):
            *features, label = (column[index] for column in train)
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(model(*features), label).backward()
            optimizer.step()

    @torch.inference_mode()
    def predict() -> np.ndarray:
        model.eval()
        batches = zip(*(column.split(task.BATCH) for column in validation[:-1]), strict=True)
        return torch.cat([model(*batch) for batch in batches]).numpy()

    task.train_and_print(train_epoch, predict, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
