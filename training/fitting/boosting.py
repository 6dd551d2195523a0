"""Fitting gradient-boosted trees, with early stopping as in the training loop."""

import math
import time
from typing import Any

import torch

from training.data.batches import Batches
from training.data.input_shape import InputShape
from training.data.rows import Rows
from training.errors import TrainingError
from training.evaluation.prediction import predict
from training.fitting.binned_rows import binned
from training.fitting.loop import Course, Epoch, Validate, best_epoch, require_converged, say_epoch
from training.fitting.loop_settings import LoopSettings
from training.models.gbdt import Trees
from training.progress import bar, say
from training.scoring.trees import Booster, tree_columns

TREES_PER_EPOCH = 25
_LEAF_ROWS = 100  # the fewest rows of a leaf
_COLUMN_SHARE = 0.8  # of the columns, drawn anew for each tree
_ROW_BYTES = 28  # a row's label, weight, score, gradient and Hessian


def require_room(rows: int, shape: InputShape, settings: LoopSettings) -> None:
    """Raise TrainingError if the binned rows take more than --memory-mb."""
    needed = rows * (2 * len(tree_columns(shape)) + _ROW_BYTES) / 2**20  # bins of a byte, by column and by row
    if needed > settings.memory_mb:
        raise TrainingError(
            f"gbdt holds all rows in memory: {rows:,} rows take {math.ceil(needed):,} MB, and --memory-mb is "
            f"{settings.memory_mb:,}: raise it, or lower --train-days"
        )


def boost(
    batches: Batches, shape: InputShape, held_out: Rows, validate: Validate, settings: LoopSettings, leaves: int
) -> tuple[Trees, list[Epoch]]:
    """Add trees until the held-out metric stops improving, and return those up to the best epoch.

    Each epoch adds `TREES_PER_EPOCH`.

    leaves: the most leaves of a tree. The same rows, seed and settings give the same trees. Raises TrainingError if
    the best held-out loss is far worse than guessing.
    """
    parameters = _parameters(settings, leaves)
    booster = Booster(parameters, binned(batches, shape, settings, parameters))
    trees, course = Trees(booster, shape), Course()
    while not course.end(settings):
        number, started = len(course.epochs) + 1, time.monotonic()
        for _ in bar(range(TREES_PER_EPOCH), TREES_PER_EPOCH, f"epoch {number}/{settings.epochs}"):
            booster.update()
        train_loss = float(booster.eval_train()[0][2])
        seconds = time.monotonic() - started
        logloss, auc = validate(predict(trees, held_out))
        course.epochs.append(Epoch(number, train_loss, logloss, auc, seconds))
        say_epoch(course.epochs[-1], settings, batches.rows)
    best = best_epoch(course.epochs, settings.stop_on)
    require_converged(best, settings)
    say(f"epoch {best.number} is the best: {course.end(settings)}")
    return trees.first(best.number * TREES_PER_EPOCH), course.epochs


def boost_epochs(batches: Batches, shape: InputShape, epochs: int, settings: LoopSettings, leaves: int) -> Trees:
    """Fit as many trees as `epochs` of boosting have, a number that is already chosen."""
    parameters = _parameters(settings, leaves)
    booster = Booster(parameters, binned(batches, shape, settings, parameters))
    trees = epochs * TREES_PER_EPOCH
    for _ in bar(range(trees), trees, "all training days"):
        booster.update()
    say(f"all training days: {trees} trees")
    return Trees(booster, shape)


def _parameters(settings: LoopSettings, leaves: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": settings.learning_rate,
        "num_leaves": leaves,
        "min_data_in_leaf": _LEAF_ROWS,
        "feature_fraction": _COLUMN_SHARE,
        "seed": settings.seed % 2**31,  # LightGBM's seeds have 31 bits
        "deterministic": True,
        "force_row_wise": True,  # otherwise a clock chooses between two ways, whose sums differ in the last bits
        "num_threads": torch.get_num_threads(),
        "verbosity": -1,
    }
