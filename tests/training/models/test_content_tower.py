"""The content tower and the alpha gate: the formula, and runs on a world with texts."""

import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.training.conftest import kill_in_the_middle, near, read_json
from tests.training.data.test_data import raw_rows
from tests.training.logs import World, as_table
from tests.training.models.test_mixtures import SHAPE, array, randomised, relu, tower_logit
from tests.training.models.test_mixtures import random_rows as rows_without_text
from training.cli import main
from training.data.rows import ITEM, USER, Rows
from training.data.text_columns import MODES
from training.model_names import BACKBONES, MODEL_NAMES, has_content
from training.models.build import build_model
from training.models.click_model import RowModel
from training.models.content_tower import ContentSide
from training.models.model_settings import ModelSettings
from training.models.text_input import TextInput
from warehouse.tables import TRAIN

SIZE, TEXTS = 6, 30

BOTH = ModelSettings(text_in_backbone=True)


def random_rows(per_row, n=17):
    rows = rows_without_text(n)
    text = torch.randint(TEXTS, (n, per_row), generator=torch.Generator().manual_seed(5))
    return Rows(rows.categorical, rows.numeric, rows.label, text)


def random_model(name, per_row):
    table = torch.randn(TEXTS, SIZE, generator=torch.Generator().manual_seed(6))
    table[0] = 0
    model = RowModel(build_model(f"{name}_content", SHAPE, BOTH, (per_row, SIZE)), table)
    return randomised(model).eval()


def backbone_logits(model, rows):
    """The backbone on its input layer and, beside it, each row's projected texts and their product."""
    whole = model.model
    x = whole.inputs(rows.categorical, rows.numeric)
    texts = [projected_texts(whole.texts, embedded) for embedded in array(model.text_table)[rows.text.numpy()]]
    return whole.backbone(torch.cat([x, torch.tensor(np.array(texts), dtype=torch.float32)], dim=1), rows.scene)[0]


def projected_texts(texts: TextInput, embedded: np.ndarray) -> np.ndarray:
    """One row's, from its texts' embeddings [T, K]."""
    projected = [array(texts.projection.weight) @ embedding for embedding in embedded]
    return np.concatenate([*projected, *(projected[0] * other for other in projected[1:])])


def test_half_of_the_rows_are_trained_on_without_their_texts():
    texts = TextInput(3, SIZE, dropout=0.5)
    embedded = torch.randn(4000, 3, SIZE, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(7)
    trained, whole = texts.train()(embedded), texts.eval()(embedded)
    left_out = (trained == 0).all(1)
    assert 0.45 < left_out.float().mean() < 0.55
    torch.testing.assert_close(trained[~left_out], 2 * whole[~left_out])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def content_logit_and_alpha(side: ContentSide, scene, embedded):
    """One row's, from its texts' embeddings [T, K]."""
    x = projected_texts(side.input, embedded)
    first = side.tower.shared[0]
    hidden = relu(array(first.weight) @ x + array(first.bias))
    gate = side.alpha_gate.logits
    alpha = sigmoid(np.clip(array(gate.weight)[scene] @ x + array(gate.bias)[scene], -10, 10))
    return tower_logit(side.tower.towers, scene, hidden), alpha


@pytest.mark.parametrize("per_row", [1, 2, 3])
@pytest.mark.parametrize("name", BACKBONES)
def test_a_content_model_is_the_formula_on_any_backbone(name, per_row):
    model, rows = random_model(name, per_row), random_rows(per_row)
    backbone, table = array(backbone_logits(model, rows)), array(model.text_table)
    expected = []
    for row, scene in enumerate(rows.scene.tolist()):
        content, alpha = content_logit_and_alpha(model.model.content, scene, table[rows.text[row].numpy()])
        expected.append((1 - alpha) * backbone[row] + alpha * content)
    assert array(model(rows)) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("per_row", [1, 2, 3])
def test_a_text_model_is_its_backbone_with_the_texts_beside_its_input(per_row):
    table = torch.randn(TEXTS, SIZE, generator=torch.Generator().manual_seed(6))
    model = RowModel(build_model("mmoe_text", SHAPE, ModelSettings(), (per_row, SIZE)), table)
    model, rows = randomised(model).eval(), random_rows(per_row)
    assert array(model(rows)) == pytest.approx(array(backbone_logits(model, rows)), rel=1e-4, abs=1e-4)


def test_the_backbone_of_a_content_model_reads_no_texts_unless_it_is_told_to():
    model = build_model("mmoe_content", SHAPE, ModelSettings(), (2, SIZE))
    assert model.texts is None
    assert model.content is not None


def test_alpha_lies_within_0_and_1_however_sure_the_gate_is():
    model, rows = random_model("dnn", 2), random_rows(2)
    with torch.no_grad():
        model.model.content.alpha_gate.logits.weight.mul_(1e4)
    alpha = model.alpha(rows)
    assert alpha.min() > 0
    assert alpha.max() < 1


def test_the_content_side_sees_texts_and_scene_alone():
    model, rows = random_model("dnn", 2), random_rows(2)
    others = Rows(rows.categorical.clone(), rows.numeric + 1, rows.label, rows.text)
    others.categorical[:, [USER, ITEM]] = 0
    assert torch.equal(model.alpha(rows), model.alpha(others))
    moved = model(others) - model(rows)
    backbone = backbone_logits(model, others) - backbone_logits(model, rows)
    torch.testing.assert_close(moved, (1 - model.alpha(rows)) * backbone, atol=1e-4, rtol=1e-3)


def test_a_scene_that_a_batch_lacks_learns_nothing_from_it():
    model, rows = random_model("mmoe", 2), random_rows(2)
    rows.categorical[:, 2] = 1
    model(rows).sum().backward()
    side = model.model.content
    for layer in (side.alpha_gate.logits, side.tower.towers.hidden):
        by_scene = layer.weight.grad.reshape(side.tower.towers.scenes, -1).abs().sum(1)
        assert by_scene[1] > 0
        assert by_scene.sum() == by_scene[1]


def test_embeddings_are_no_weights():
    model = random_model("ple", 2)
    assert not any("table" in name for name in model.state_dict())
    assert all(weight is not model.text_table for weight in model.parameters())


def test_a_content_model_cannot_be_used_without_its_texts():
    for name, text_shape, table in (("dnn_content", (2, SIZE), None), ("dnn", None, torch.zeros(TEXTS, SIZE))):
        with pytest.raises(ValueError, match="needs text_table"):
            RowModel(build_model(name, SHAPE, ModelSettings(), text_shape), table)


@pytest.mark.parametrize("name", [*BACKBONES, *(name for name in MODEL_NAMES if has_content(name))])
def test_weights_of_earlier_runs_are_loaded(name):
    """They had a backbone's weights at the top, or beside the input's if the model had a content side."""
    text_shape = (2, SIZE) if has_content(name) else None
    model = randomised(build_model(name, SHAPE, ModelSettings(), text_shape))
    earlier = {}
    for key, weight in model.state_dict().items():
        part, rest = key.split(".", 1)
        if has_content(name):
            earlier[{"inputs": "backbone.inputs.", "backbone": "backbone.", "content": ""}[part] + rest] = weight
        else:
            earlier[{"inputs": "inputs.", "backbone": ""}[part] + rest] = weight
    loaded = build_model(name, SHAPE, ModelSettings(), text_shape)
    loaded.load_state_dict(earlier)
    assert all(torch.equal(weight, model.state_dict()[key]) for key, weight in loaded.state_dict().items())


def test_a_run_leaves_a_complete_folder(finished_content):
    folder, summary = finished_content
    kinds = {path.name for path in folder.iterdir()}
    assert kinds >= {
        "mmoe_content_state.pt",
        "mmoe_content_config.json",
        "whiten_mu.npy",
        "whiten_W.npy",
        "text_encoder",
    }
    metrics = read_json(folder / "val_metrics.json")
    assert metrics == {key: summary[key] for key in metrics}
    assert not any(path.suffix in (".pkl", ".pickle", ".joblib") for path in folder.rglob("*"))


def test_the_mean_of_alpha_by_segment_equals_a_loop_over_rows(finished_content):
    folder, summary = finished_content
    means = defaultdict(list)
    for row in pq.read_table(folder / "predictions.parquet").to_pylist():
        assert 0 < row["alpha"] < 1
        for kind in ("scene", "user_level", "item_level"):
            means[kind, str(row[kind])].append(row["alpha"])
    for kind, by in summary["alpha_by"].items():
        for name, mean in by.items():
            assert mean == (pytest.approx(np.mean(means[kind, name]), abs=1e-6) if means[kind, name] else None)
    assert summary["alpha_by"].keys() == summary["auc_by"].keys()


def test_rows_without_text_are_counted(finished_content, worded):
    rows = list(raw_rows(worded.world, [worded.world.last_date]))
    expected = {
        text: sum(not any(row[name] for name in columns) for row in rows) for text, columns in MODES["profile"].items()
    }
    assert finished_content[1]["rows_without_text"] == expected
    assert all(expected.values()), "the world should hold rows without texts"


def test_evaluate_gives_the_same_metrics_from_the_folder_alone(finished_content, tmp_path):
    folder, _ = finished_content
    moved = shutil.copytree(folder, tmp_path / "moved")
    again = main(["evaluate", "--artifacts", str(moved)])
    metrics = read_json(folder / "val_metrics.json")
    assert {key: again[key] for key in metrics} == near(metrics)
    assert [path.name for path in tmp_path.iterdir()] == ["moved"], "evaluation leaves nothing beside the run"


def test_the_same_arguments_give_the_same_run(worded, finished_content, tmp_path):
    again = main(worded.arguments(tmp_path, "--model", "mmoe_content", "--text-encoder", "lsa"))
    first, second = (Path(a) / "predictions.parquet" for a in (finished_content[0], again["artifacts"]))
    assert pq.read_table(first).equals(pq.read_table(second))


def test_a_killed_run_goes_on_and_ends_the_same(worded, tmp_path, capsys):
    more = ("--model", "dnn_content", "--text-encoder", "lsa", "--epochs", "90", "--patience", "90")
    kill_in_the_middle(worded.arguments(tmp_path / "killed", *more, "--learning-rate", "0.0001"))
    capsys.readouterr()
    resumed, whole = (
        main(worded.arguments(tmp_path / kind, *more, "--learning-rate", "0.0001")) for kind in ("killed", "whole")
    )
    assert re.search(r"resumed after epoch \d+", capsys.readouterr().out)
    first, second = (Path(summary["artifacts"]) / "predictions.parquet" for summary in (resumed, whole))
    assert pq.read_table(first).equals(pq.read_table(second))


@pytest.mark.parametrize("mode", MODES)
def test_training_finds_what_the_embed_command_embedded(worded, tmp_path, mode, capsys):
    more = ("--text-encoder", "lsa", "--text-mode", mode)
    window = [
        a for a in worded.arguments(tmp_path, *more) if a not in ("train", "--epochs", "3", "--batch-size", "256")
    ]
    embedded = main(["embed", *window])
    assert embedded["text_encoder"] == "lsa"
    capsys.readouterr()
    main(worded.arguments(tmp_path, "--model", "dnn_content", *more))
    total = embedded["train_texts"] + embedded["new_texts"]
    assert f"lsa: no text embedded, {total} taken from the cache" in capsys.readouterr().out


@pytest.mark.parametrize("mode", MODES)
def test_a_window_without_any_text_trains_all_the_same(published, tmp_path, mode):
    more = ("--model", "dnn_content", "--text-encoder", "lsa", "--text-mode", mode)
    summary = main(published.arguments(tmp_path, *more))
    assert set(summary["rows_without_text"].values()) == {summary["rows"]}
    again = main(["evaluate", "--artifacts", summary["artifacts"]])
    assert again["auc"] == pytest.approx(summary["auc"], abs=1e-6)


def test_a_damaged_fit_of_lsa_is_fitted_again(worded, finished_content, tmp_path, capsys):
    more = ("--model", "mmoe_content", "--text-encoder", "lsa")
    main(worded.arguments(tmp_path, *more))
    next(tmp_path.glob(".embeddings/lsa/fitted-*/idf.npy")).write_bytes(b"no more")
    again = main(worded.arguments(tmp_path, *more))
    assert "is damaged: lsa is fitted again" in capsys.readouterr().out
    assert again["auc"] == finished_content[1]["auc"]


def test_the_gain_is_from_text(tmp_path):
    """Texts handed to other items say nothing of new ones."""
    aucs, pace = {}, ("--batch-size", "256", "--learning-rate", "0.003")
    for kind in ("own", "shuffled"):
        world = World(200, 4_000, days=6, rows=9_000, newcomers=0.9, deep_features=0, worded=True, topical=True)
        if kind == "shuffled":
            shuffle_texts(world)
        world.publish(tmp_path / kind)
        window = ("--dataset", "demo", "--as-of", world.last_date, "--train-days", str(world.days - 1))
        where = ("--warehouse", str(tmp_path / kind), "--artifacts", str(tmp_path / f"{kind} runs"))
        summary = main(["train", *where, *window, "--model", "dnn_content", "--text-encoder", "lsa", *pace])
        aucs[kind] = summary["auc_by"]["item_level"]["zero"]
    assert aucs["own"] > aucs["shuffled"] + 0.05


def shuffle_texts(world: World) -> None:
    items = sorted({i for table in world.tables.values() for i in table["item_id"].to_pylist()})
    other = dict(zip(items, np.random.default_rng(1).permutation(items).tolist(), strict=True))
    names = ("item_title", "item_entity_names")
    texts = {
        row["item_id"]: row for table in world.tables.values() for row in table.select(["item_id", *names]).to_pylist()
    }
    for date, table in world.tables.items():
        moved = {name: [texts[other[i]][name] for i in table["item_id"].to_pylist()] for name in names}
        world.tables[date] = as_table(TRAIN, {n: table[n] for n in table.column_names} | moved)
