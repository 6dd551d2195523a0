import errno
import math

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from training.data.batches import InMemoryBatches
from training.data.feature_fitting import fit_features
from training.data.input_shape import InputShape
from training.data.numeric_features import NUMERIC_COLUMNS
from training.data.rows import Rows
from training.errors import TrainingError
from training.evaluation.prediction import predict
from training.fitting.checkpoint import Checkpoint
from training.fitting.loop import fit, fit_epochs
from training.fitting.loop_settings import LoopSettings
from training.model_names import BACKBONES
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.input_layer import InputLayer
from training.models.model_settings import ModelSettings

SIZES = {"user_id": 20, "item_id": 12, "scene": 5, "hour": 24}
SHAPE = InputShape.without_histories(SIZES, 6)


def random_rows(n=400, seed=0):
    generator = torch.Generator().manual_seed(seed)
    columns = [torch.randint(size, (n,), generator=generator) for size in SIZES.values()]
    numeric = torch.randn(n, 6, generator=generator)
    label = (numeric[:, 0] + torch.randn(n, generator=generator) > 0).float()
    return Rows(torch.stack(columns, dim=1), numeric, label)


def fresh_model(seed=0, **settings):
    torch.manual_seed(seed)
    return RowModel(build_model("dnn", SHAPE, ModelSettings(**settings)))


def undropped_model():
    return fresh_model(dropout=0, id_dropout=0, unseen_rate=0)


def validation_loss(rows):
    return lambda logits: (binary_cross_entropy_with_logits(logits, rows.label).item(), 0.5)


def train(tmp_path, validate=None, rows=None, model=None, **settings):
    rows, model = rows or random_rows(), model or fresh_model()
    settings = LoopSettings(**{"batch_size": 64, **settings})
    batches = InMemoryBatches(rows, settings.batch_size)
    with Checkpoint(tmp_path, {}) as checkpoint:
        epochs = fit(model, batches, rows, validate or validation_loss(rows), settings, checkpoint)
    return model, epochs


@pytest.mark.parametrize(
    ("losses", "limit", "ran", "best", "why"),
    [
        ([0.5, 0.4, 0.45, 0.6, 0.1], 9, 4, 2, "the held-out log loss has not improved for 2 epochs (--patience)"),
        ([0.5, 0.4, 0.45], 3, 3, 2, "all 3 epochs are done"),  # the last one not the best
        ([0.5, 0.4, 0.3], 3, 3, 3, "all 3 epochs are done"),
        ([0.5, 0.5, 0.5, 0.1], 9, 3, 1, "the held-out log loss has not improved for 2 epochs (--patience)"),
    ],
)
def test_the_best_weights_are_restored_however_training_ends(tmp_path, losses, limit, ran, best, why, capsys):
    model, seen = fresh_model(), []

    def validate(_):
        seen.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return losses[len(seen) - 1], 0.5

    _, epochs = train(tmp_path, validate, model=model, epochs=limit, patience=2)
    assert len(epochs) == ran
    assert capsys.readouterr().out.splitlines()[-1] == f"epoch {best} is the best: {why}"
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, seen[best - 1][name])


def test_the_best_epoch_may_be_that_of_the_highest_auc(tmp_path, capsys):
    results = iter([(0.5, 0.60), (0.6, 0.70), (0.4, 0.65)])
    model, seen = fresh_model(), []

    def validate(_):
        seen.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return next(results)

    train(tmp_path, validate, model=model, epochs=3, patience=1, stop_on="auc")
    assert "epoch 2 is the best: the held-out AUC has not improved for 1 epoch (--patience)" in capsys.readouterr().out
    assert all(torch.equal(weight, seen[1][name]) for name, weight in model.state_dict().items())


def test_a_scene_that_counts_twice_is_as_good_as_its_rows_twice(tmp_path):
    rows = random_rows(60)
    twice = torch.cat([torch.arange(60), torch.nonzero(rows.scene == 3).flatten()])
    weighted, _ = train(
        tmp_path / "a",
        rows=rows,
        model=undropped_model(),
        epochs=2,
        batch_size=100,
        scene_weights=(1, 1, 1, 2, 1),
    )
    doubled, _ = train(
        tmp_path / "b",
        rows=rows.take(twice),
        model=undropped_model(),
        epochs=2,
        batch_size=100,
    )
    for name, weight in weighted.state_dict().items():
        torch.testing.assert_close(weight, doubled.state_dict()[name], atol=1e-5, rtol=1e-4)


@pytest.mark.usefixtures("deferred")
def test_a_run_with_deferred_steps_is_resumed_and_gives_about_the_same_weights(tmp_path, monkeypatch):
    whole, _ = train(tmp_path / "whole", epochs=4, patience=4, warmup_steps=9)
    train(tmp_path / "resumed", epochs=2, patience=4, warmup_steps=9)
    resumed, _ = train(tmp_path / "resumed", epochs=4, patience=4, warmup_steps=9, model=fresh_model(seed=99))
    monkeypatch.undo()
    dense, _ = train(tmp_path / "dense", epochs=4, patience=4, warmup_steps=9)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name])
        torch.testing.assert_close(weight, dense.state_dict()[name], atol=2e-3, rtol=2e-2)


@pytest.fixture
def deferred(monkeypatch):
    """Every embedding counts as a large one."""
    monkeypatch.setattr("training.fitting.optimizer._LARGE", 1)


def test_training_lowers_the_loss(tmp_path):
    _, epochs = train(tmp_path, epochs=8)
    assert epochs[-1].train_loss < epochs[0].train_loss < math.log(2) + 0.1


def test_a_seed_fixes_everything_and_another_seed_changes_it(tmp_path):
    predictions = []
    for run, seed in enumerate((3, 3, 4)):
        model, _ = train(tmp_path / str(run), epochs=3, seed=seed)
        predictions.append(predict(model, random_rows()))
    assert torch.equal(predictions[0], predictions[1])
    assert not torch.equal(predictions[0], predictions[2])


@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path, stop_after):
    whole, epochs = train(tmp_path / "whole", epochs=4, patience=4)
    train(tmp_path / "resumed", epochs=stop_after, patience=4)
    resumed, again = train(tmp_path / "resumed", epochs=4, patience=4, model=fresh_model(seed=99))
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name])
    assert [e.val_logloss for e in epochs] == [e.val_logloss for e in again]


def test_a_loss_that_is_not_finite_stops_with_the_facts_and_keeps_the_checkpoint(tmp_path):
    rows = random_rows()
    train(tmp_path, rows=rows, epochs=1)
    rows.numeric[7, 0] = math.nan
    with pytest.raises(
        TrainingError, match=r"the loss is nan in epoch 2, batch \d of 7 \(\d+ rows, .* epoch 1 is kept"
    ):
        train(tmp_path, rows=rows, epochs=2)
    assert len(Checkpoint(tmp_path, {}).load()["epochs"]) == 1


def test_a_validation_loss_that_is_not_finite_stops(tmp_path):
    with pytest.raises(TrainingError, match="held-out log loss of epoch 1 is inf"):
        train(tmp_path, lambda _: (math.inf, 0.5))


def test_a_chosen_number_of_epochs_trains_as_early_stopping_does_and_resumes(tmp_path):
    rows, settings, losses = random_rows(), LoopSettings(batch_size=64), iter([0.5, 0.4, 0.3])
    stopped, _ = train(tmp_path / "stopped", lambda _: (next(losses), 0.5), rows=rows, epochs=3)
    for name, parts in (("whole", (3,)), ("in parts", (2, 3))):
        for epochs in parts:
            model = fresh_model()
            with Checkpoint(tmp_path / name, {}) as checkpoint:
                fit_epochs(model, InMemoryBatches(rows, 64), epochs, settings, checkpoint)
        for weight, expected in zip(model.state_dict().values(), stopped.state_dict().values(), strict=True):
            assert torch.equal(weight, expected)


def test_a_checkpoint_that_cannot_be_read_is_named(tmp_path):
    train(tmp_path, epochs=1)
    file = next(tmp_path.glob(".checkpoints/*/last.pt"))
    file.write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="remove it"):
        train(tmp_path, epochs=1)


@pytest.mark.parametrize("state", [{}, {"model": {}, "optimizer": {}, "epochs": [], "best_weights": {}}])
def test_a_checkpoint_of_something_else_is_named(tmp_path, state):
    with Checkpoint(tmp_path, {}) as left_behind:
        left_behind.save(state)
    with pytest.raises(TrainingError, match=r"last.pt cannot be used: remove it"):
        train(tmp_path)


def test_checkpoints_of_other_configurations_do_not_meet(tmp_path):
    first, second = Checkpoint(tmp_path, {"seed": 1}), Checkpoint(tmp_path, {"seed": 2})
    first.save({"epochs": []})
    assert second.load() is None
    first.remove()
    assert first.load() is None


def test_one_that_a_running_training_holds_is_neither_taken_nor_removed(tmp_path, capsys):
    running, second, later = (Checkpoint(tmp_path, {}) for _ in range(3))
    with running:
        running.save({"epochs": [1]})
        with second:
            assert second.load() is None
            assert "the same training is running in another process" in capsys.readouterr().out
            second.save({"epochs": [2]})
            second.remove()
        running.save({"epochs": [1, 2]})
    with later:
        assert later.load() == {"epochs": [1, 2]}
        later.remove()
    assert not list(tmp_path.glob(".checkpoints/*"))


def test_where_no_file_can_be_locked_nothing_is_shared(tmp_path, monkeypatch, capsys):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with Checkpoint(tmp_path, {}) as first:
        first.save({"epochs": []})
    assert "cannot be locked (No locks available): no run resumes from it" in capsys.readouterr().out
    with Checkpoint(tmp_path, {}) as second:
        assert second.load() is None


@pytest.mark.parametrize("name", BACKBONES)
def test_a_model_gives_one_logit_a_row_even_for_a_single_one(name):
    model = RowModel(build_model(name, SHAPE, ModelSettings()))
    for n in (1, 3):
        assert model(random_rows(n)).shape == (n,)


def test_a_model_starts_close_to_even_odds():
    assert predict(fresh_model(), random_rows()).abs().max() < 1.5


def test_predictions_do_not_depend_on_how_rows_are_cut(monkeypatch):
    model, rows = fresh_model(), random_rows()
    whole = predict(model, rows)
    monkeypatch.setattr("training.evaluation.prediction.PREDICTION_ROWS", 7)
    torch.testing.assert_close(predict(model, rows), whole)


@pytest.mark.parametrize(("rate", "learns"), [(0.5, True), (0.0, False)])
def test_unseen_id_dropout_trains_index_0(rate, learns):
    rows = random_rows()
    seen = Rows(rows.categorical.clamp(min=1), rows.numeric, rows.label)
    model = fresh_model(unseen_rate=rate)
    binary_cross_entropy_with_logits(model.train()(seen), seen.label).backward()
    for name in ("user_id", "item_id"):
        assert bool(model.model.inputs.embeddings[name].weight.grad[0].any()) is learns
    assert torch.equal(model.eval()(seen), model(seen))


def test_a_forgotten_user_or_item_leaves_no_history_behind():
    """Six numeric features: two of the user, two of the item, one of the pair, one of neither."""
    about_user, about_item = np.array([1, 1, 0, 0, 1, 0], bool), np.array([0, 0, 1, 1, 1, 0], bool)
    none = np.array([-1, -2, -3, -4, -5, -6], np.float32)
    layer = InputLayer(
        InputShape(SIZES, none, about_user, about_item), embedding_size=3, id_dropout=0, unseen_rate=0.4
    ).train()
    layer.embeddings["user_id"].weight.data = torch.arange(20.0).unsqueeze(1).expand(-1, 3)
    layer.embeddings["item_id"].weight.data = torch.arange(12.0).unsqueeze(1).expand(-1, 3)
    rows = random_rows(4_000)
    rows.categorical.clamp_(min=1)
    seen = layer(rows.categorical, rows.numeric).detach()
    user_gone, item_gone = seen[:, 0] == 0, seen[:, 3] == 0
    assert 0.36 < user_gone.float().mean() < 0.44
    assert 0.13 < (user_gone & item_gone).float().mean() < 0.19  # each by a toss of its own
    for row, user, item, numeric in zip(rows.numeric, user_gone, item_gone, seen[:, -6:], strict=True):
        known = [row[n] if not ((user and about_user[n]) or (item and about_item[n])) else none[n] for n in range(6)]
        assert numeric.tolist() == [float(value) for value in known]
    assert torch.equal(layer.eval()(rows.categorical, rows.numeric)[:, -6:], rows.numeric)


def test_a_share_of_the_ids_embeddings_is_dropped_and_nothing_else_is():
    rows = random_rows(4_000)
    layer = InputLayer(InputShape.without_histories(SIZES, 6), embedding_size=3, id_dropout=0.4, unseen_rate=0)
    whole = layer.eval()(rows.categorical, rows.numeric)
    left = layer.train()(rows.categorical, rows.numeric)
    ids = left[:, :6]
    assert 0.37 < (ids == 0).float().mean() < 0.43
    torch.testing.assert_close(ids, torch.where(ids == 0, ids, whole[:, :6] / 0.6))
    assert torch.equal(left[:, 6:], whole[:, 6:])


def test_what_is_left_of_a_forgotten_row_is_what_a_stranger_has(published):
    """The numeric features of a row without any history, as the training window's statistics have it."""
    *train_dates, _ = sorted(published.world.tables)
    space = fit_features(published.catalog, train_dates)
    table = published.world.tables[train_dates[0]].slice(0, 1)
    blank = {name: pa.array([0], table[name].type) for name in NUMERIC_COLUMNS}
    stranger = pa.table({name: blank.get(name, table[name]) for name in table.column_names})
    shape = space.input_shape
    assert shape.without_history == pytest.approx(space.numeric(stranger)[0], abs=1e-6)
    assert (shape.about_user | shape.about_item).all()
