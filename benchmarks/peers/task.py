"""The rows that all compared programs train on, and the result that each prints. All environments can import this."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

USERS, ITEMS, SCENES, NUMERIC = 100_000, 20_000, 5, 40
EMBEDDING, SCENE_EMBEDDING = 16, 4
EXPERTS, EXPERT_SIZES, TOWER = 8, (128, 64), 32
BATCH, LEARNING_RATE, THREADS = 4096, 1e-3, 2
WARM_UP_EPOCHS, MEASURED_EPOCHS = 1, 2

_ROWS = {"train": 500_000, "validation": 50_000}
_SCENE_SHARES = (0.06, 0.25, 0.5, 0.11, 0.08)  # about the release's
_SCENE_BIAS = (-1.3, -0.4, -0.8, -0.5, -0.6)


@dataclass(frozen=True)
class Sample:
    """n impressions. user, item, scene: int64 [n]; numeric: float32 [n, NUMERIC]; label: float32 [n]."""

    user: np.ndarray
    item: np.ndarray
    scene: np.ndarray
    numeric: np.ndarray
    label: np.ndarray

    def columns(self) -> dict[str, np.ndarray]:
        """Return all features by name, as the public libraries expect them."""
        numeric = zip(NUMERIC_NAMES, self.numeric.T.copy(), strict=True)
        return {"user": self.user, "item": self.item, "scene": self.scene, **dict(numeric)}

    def task_labels(self) -> np.ndarray:
        """Return labels by scene, float32 [n, SCENES]: a row's own label for its own scene and -1 for the others."""
        labels = np.full((len(self.label), SCENES), -1, dtype=np.float32)
        labels[np.arange(len(labels)), self.scene] = self.label
        return labels

    def own(self, by_scene: np.ndarray) -> np.ndarray:
        """Select the prediction for each row's own scene: [n, SCENES] -> [n]."""
        return by_scene[np.arange(len(self.scene)), self.scene]


NUMERIC_NAMES = [f"numeric_{number}" for number in range(NUMERIC)]


def masked_loss(predicted: Tensor, label: Tensor, reduction: str = "mean") -> Tensor:
    """Binary cross entropy of the rows that have a label.

    The libraries compute every tower for every row. With this loss, a tower learns only from rows of its own scene, as
    usual in multi-task training with missing labels.
    """
    return binary_cross_entropy(predicted, label.clamp(min=0), weight=(label >= 0).float(), reduction=reduction)


def write_rows(folder: Path, seed: int = 7) -> None:
    """Write train.npz and validation.npz, drawn from one click model.

    A click's logit is linear in the numeric features, with weights that are partly shared and partly the scene's. The
    product of two features, the user's leaning, the item's quality and the scene's bias are added to it.
    """
    rng = np.random.default_rng(seed)
    weights = 0.15 * rng.standard_normal(NUMERIC) + 0.1 * rng.standard_normal((SCENES, NUMERIC))
    leaning, quality = 0.5 * rng.standard_normal(USERS), 0.6 * rng.standard_normal(ITEMS)
    for part, rows in _ROWS.items():
        user, item = rng.integers(0, USERS, rows), rng.integers(0, ITEMS, rows)
        scene = rng.choice(SCENES, rows, p=_SCENE_SHARES)
        numeric = rng.standard_normal((rows, NUMERIC), dtype=np.float32)
        logit = np.einsum("nf,nf->n", numeric, weights[scene]) + 0.5 * numeric[:, 0] * numeric[:, 1]
        logit += leaning[user] + quality[item] + np.array(_SCENE_BIAS)[scene]
        label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
        np.savez(folder / part, user=user, item=item, scene=scene, numeric=numeric, label=label)


def read_rows(folder: Path, part: str) -> Sample:
    """Read what write_rows wrote. `part`: train or validation."""
    with np.load(folder / f"{part}.npz") as arrays:
        return Sample(**arrays)


def read_labels(folder: Path, part: str) -> np.ndarray:
    """Read only the labels, float32 [n]. `part`: train or validation."""
    with np.load(folder / f"{part}.npz") as arrays:
        return arrays["label"]


def train_and_print(train_epoch: Callable[[], object], predict: Callable[[], np.ndarray], folder: Path) -> None:
    """Train epoch by epoch and print the result. `predict`, which is not timed, scores the validation rows [n]."""
    label, seconds, cpu_seconds, aucs = read_labels(folder, "validation"), [], [], []
    for _ in range(WARM_UP_EPOCHS + MEASURED_EPOCHS):
        started, cpu_started = perf_counter(), cpu_seconds_so_far()
        train_epoch()
        seconds.append(perf_counter() - started)
        cpu_seconds.append(cpu_seconds_so_far() - cpu_started)
        aucs.append(float(roc_auc_score(label, predict())))
    print_result(seconds, cpu_seconds, aucs, len(read_labels(folder, "train")))


def print_result(
    seconds: Sequence[float], cpu_seconds: Sequence[float], aucs: Sequence[float], rows: int, **more: float
) -> None:
    """Print the result, as the last line of output. By epoch: seconds of training alone, and validation AUCs.

    rows: those trained on in an epoch.
    """
    result = {
        "rows_per_s": _rate(seconds, rows),
        "rows_per_cpu_s": _rate(cpu_seconds, rows),
        "auc": max(aucs),
        "peak_mb": peak_bytes() / 1e6,
    }
    print(json.dumps(result | more))


def cpu_seconds_so_far() -> float:
    """CPU seconds of this process and of the child processes it has waited for."""
    return sum(os.times()[:4])


def _rate(seconds: Sequence[float], rows: int) -> float:
    """Rows per second of the epochs after the warm-up."""
    return rows * MEASURED_EPOCHS / sum(seconds[WARM_UP_EPOCHS:])


def peak_bytes() -> int:
    """The peak of this process's resident memory. Unlike ru_maxrss, it excludes the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def prepare_torch() -> None:
    """Set the same number of threads and the same seed for all contenders."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(7)
