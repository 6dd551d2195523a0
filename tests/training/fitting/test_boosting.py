"""Boosted trees against LightGBM's own training on one matrix."""

from collections.abc import Iterator

import lightgbm
import numpy as np
import pytest
import torch

from tests.training.fitting.test_loop import SHAPE, random_rows
from training.data.batches import InMemoryBatches
from training.data.rows import ITEM, SCENE, USER, Rows
from training.errors import TrainingError
from training.fitting.boosting import TREES_PER_EPOCH, boost, require_room
from training.fitting.loop import Epoch
from training.fitting.loop_settings import LoopSettings
from training.models.gbdt import Trees

LEAVES = 5


@pytest.fixture(scope="module")
def rows() -> Rows:
    return random_rows(1_500)


def boosted(rows: Rows, losses: Iterator[float] | None = None, **settings) -> tuple[Trees, list[Epoch]]:
    chosen = LoopSettings(**{"epochs": 2, "batch_size": 64, "learning_rate": 0.1, **settings})
    losses = losses or iter([0.5, 0.4])
    return boost(InMemoryBatches(rows, 64), SHAPE, rows, lambda _: (next(losses), 0.5), chosen, LEAVES)


def logits(trees: Trees, rows: Rows) -> np.ndarray:
    return trees.score(rows)[0].numpy()


def in_one_matrix(rows: Rows) -> np.ndarray:
    scene_and_hour = [rows.categorical[:, column].numpy() for column in (SCENE, SCENE + 1)]
    return np.column_stack([*scene_and_hour, rows.numeric.numpy()]).astype(np.float64)


@pytest.mark.parametrize("scene_weights", [None, (1.0, 1.0, 5.0, 1.0, 2.0)])
def test_rows_read_in_batches_give_the_trees_of_one_matrix(rows: Rows, scene_weights) -> None:
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(7))
    shuffled = rows.take(order)
    weight = np.array(scene_weights)[shuffled.scene.numpy()] if scene_weights else None
    parameters = {"objective": "binary", "learning_rate": 0.1, "num_leaves": LEAVES, "min_data_in_leaf": 100}
    parameters |= {"feature_fraction": 0.8, "seed": 7, "deterministic": True, "force_row_wise": True, "verbosity": -1}
    data = lightgbm.Dataset(
        in_one_matrix(shuffled), shuffled.label.numpy(), weight=weight, categorical_feature=[0, 1], params=parameters
    )
    expected = lightgbm.train(parameters, data, 2 * TREES_PER_EPOCH).predict(in_one_matrix(rows), raw_score=True)
    trees, epochs = boosted(rows, scene_weights=scene_weights)
    np.testing.assert_allclose(logits(trees, rows), expected, atol=1e-5)
    losses = np.logaddexp(0, np.where(shuffled.label == 1, -1, 1) * expected[order])
    assert epochs[-1].train_loss == pytest.approx(np.average(losses, weights=weight), abs=1e-5)


def test_the_trees_of_the_best_epoch_are_kept(rows: Rows, capsys: pytest.CaptureFixture) -> None:
    kept, epochs = boosted(rows, iter([0.5, 0.4, 0.45, 0.41]), epochs=9)
    assert [epoch.val_logloss for epoch in epochs] == [0.5, 0.4, 0.45, 0.41]
    assert "epoch 2 is the best: the held-out log loss has not improved for 2 epochs" in capsys.readouterr().out
    whole, _ = boosted(rows, epochs=2)
    assert np.array_equal(logits(kept, rows), logits(whole, rows))


def test_a_seed_gives_the_same_trees_with_any_number_of_threads(rows: Rows) -> None:
    found = {}
    for seed, threads in ((1, 1), (1, 2), (2, 1)):
        torch.set_num_threads(threads)
        found[seed, threads] = logits(boosted(rows, seed=seed)[0], rows).tolist()
    torch.set_num_threads(1)
    assert found[1, 1] == found[1, 2] != found[2, 1]


def test_trees_see_no_ids(rows: Rows) -> None:
    trees, _ = boosted(rows)
    renamed = rows.take(torch.arange(len(rows)))
    renamed.categorical[:, [USER, ITEM]] = 0
    assert np.array_equal(logits(trees, renamed), logits(trees, rows))


def test_a_window_that_does_not_fit_is_refused_by_its_size() -> None:
    require_room(10_000_000, SHAPE, LoopSettings(memory_mb=420))  # 8 columns: 44 bytes a row
    with pytest.raises(TrainingError, match=r"10,000,000 rows take 420 MB, and --memory-mb is 419: raise it"):
        require_room(10_000_000, SHAPE, LoopSettings(memory_mb=419))
