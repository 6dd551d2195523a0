import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from tests.local_time import local_time
from tests.training.conftest import command, kill_in_the_middle, near, read_json
from tests.training.logs import World, publish
from training.cli import main
from training.errors import TrainingError
from training.runs.stored_run import load_predictions
from training.runs.writing import publish_run, staging_folder
from warehouse.settings import REPOSITORY
from warehouse.tables import TRUTH

CONTENTS = {
    *("dnn_state.pt", "dnn_config.json", "feature_meta.json", "vocabulary", "cold_report_long.csv"),
    *("cold_report_pivot.csv", "val_metrics.json", "predictions.parquet", "report.html", "SHA256SUMS"),
}


def train_on(world, folder, truth=True):
    """Publishes a world and trains on all of it, with the settings that users get."""
    world.publish(folder / "warehouse", truth=truth)
    return main(
        [
            *("train", "--warehouse", str(folder / "warehouse"), "--dataset", "demo", "--as-of", world.last_date),
            *("--train-days", str(world.days - 1), "--artifacts", str(folder / "runs")),
        ]
    )


def test_a_run_leaves_a_complete_folder(finished):
    folder, summary = finished
    assert re.fullmatch(r"artifacts_dnn_run_\d{8}-\d{6}", folder.name)
    assert {path.name for path in folder.iterdir()} == CONTENTS
    metrics = read_json(folder / "val_metrics.json")
    assert metrics == {key: summary[key] for key in metrics}
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, ".staging", ".checkpoints"}
    assert not list((folder.parent / ".staging").iterdir()), "nothing half-written stays behind"
    assert not list((folder.parent / ".checkpoints").iterdir()), "a finished run needs no checkpoint"


def test_the_state_is_weights_only(finished):
    state = torch.load(finished[0] / "dnn_state.pt", weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def test_the_configuration_says_what_was_asked_and_read(finished, published):
    config = read_json(finished[0] / "dnn_config.json")
    dates = sorted(published.world.tables)
    assert config["window"] == {"train": dates[:-1], "val": dates[-1:]}
    assert [entry["date"] for entry in config["inputs"]] == dates
    assert all(entry["version"] for entry in config["inputs"])
    assert config["loop_settings"]["batch_size"] == 256
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", config["code_revision"])


def test_predictions_hold_every_validation_row(finished, published):
    predictions = pq.read_table(finished[0] / "predictions.parquet")
    rows = published.world.tables[published.world.last_date]
    names = ["user_id", "item_id", "log_ts", "scene", "label", "logit", "probability", "user_level", "item_level"]
    assert predictions.column_names == names
    keys = names[:5]
    assert sorted(predictions.select(keys).to_pylist(), key=repr) == sorted(rows.select(keys).to_pylist(), key=repr)
    logit = predictions["logit"].to_numpy().astype(float)
    np.testing.assert_allclose(predictions["probability"].to_numpy(), 1 / (1 + np.exp(-logit)), rtol=1e-6)


def test_levels_equal_counts_in_the_training_window(finished, published):
    predictions = pq.read_table(finished[0] / "predictions.parquet").to_pylist()
    *training, _ = sorted(published.world.tables)
    for entity in ("user", "item"):
        seen = [i for date in training for i in published.world.tables[date][f"{entity}_id"].to_pylist()]
        levels = {row[f"{entity}_level"] for row in predictions}
        assert levels == {"zero", "few", "warm"}, "the world should hold all levels"
        for row in predictions:
            count = seen.count(row[f"{entity}_id"])
            assert row[f"{entity}_level"] == ("zero" if count == 0 else "few" if count <= 5 else "warm")


def test_truth_is_joined_to_the_right_rows(finished, published):
    probabilities = published.world.truths[published.world.last_date]["click_probability"].to_numpy()
    labels = published.world.tables[published.world.last_date]["label"].to_numpy()
    pairs = probabilities[labels == 1][:, None] > probabilities[labels == 0]
    assert finished[1]["best_reachable_auc"] == pytest.approx(pairs.mean(), abs=1e-12)


def test_evaluate_gives_the_same_metrics_from_the_folder_alone(finished):
    folder, _ = finished
    again = main(["evaluate", "--artifacts", str(folder)])
    metrics = read_json(folder / "val_metrics.json")
    assert {key: again[key] for key in metrics} == near(metrics)


def test_evaluate_works_where_folder_and_warehouse_have_moved(own_published, tmp_path):
    summary = main(own_published.arguments(tmp_path / "runs"))
    moved = Path(summary["artifacts"]).rename(tmp_path / "moved")
    warehouse = own_published.folder.rename(tmp_path / "elsewhere")
    again = main(["evaluate", "--artifacts", str(moved), "--warehouse", warehouse.as_uri()])
    assert again["auc"] == pytest.approx(summary["auc"], abs=1e-6)


def test_the_same_arguments_give_the_same_run_in_any_time_zone(published, finished, tmp_path):
    with local_time("Asia/Shanghai"):
        again = main(published.arguments(tmp_path))
    first, second = (pq.read_table(Path(s["artifacts"]) / "predictions.parquet") for s in (finished[1], again))
    assert first.equals(second)


def test_a_killed_run_goes_on_and_ends_the_same_beside_one_like_it(published, tmp_path, capsys):
    more = ("--epochs", "150", "--patience", "150", "--learning-rate", "0.0001")  # seconds, on a busy machine too
    like_it = kill_in_the_middle(published.arguments(tmp_path / "killed", *more), beside_one_like_it=True)
    capsys.readouterr()
    resumed, whole = (main(published.arguments(tmp_path / kind, *more)) for kind in ("killed", "whole"))
    assert re.search(r"resumed after epoch \d+", capsys.readouterr().out)
    output, errors = like_it.communicate(timeout=120)
    assert like_it.returncode == 0, errors
    beside = json.loads(output.splitlines()[-1])
    first, second, third = (Path(summary.pop("artifacts")) for summary in (resumed, whole, beside))
    for summary in (resumed, whole, beside):
        del summary["rows_per_second"]
    assert resumed == whole == beside
    assert first != third
    assert not list((tmp_path / "killed" / ".checkpoints").iterdir())
    assert pq.read_table(first / "predictions.parquet").equals(pq.read_table(second / "predictions.parquet"))


def test_edited_code_does_not_resume(published, tmp_path, monkeypatch, capsys):
    """Of the same revision: it ends in -dirty before and after an edit."""
    for edited in (False, False, True):
        with monkeypatch.context() as patch:
            patch.setattr("training.commands.train.publish", no_space)
            if edited:
                patch.setattr("training.commands.train.code_checksum", lambda: "of other code")
            with pytest.raises(TrainingError, match="no space left"):
                main(published.arguments(tmp_path))
    said = capsys.readouterr().out.splitlines()
    assert len([line for line in said if line == "resumed after epoch 3"]) == 1
    assert len([line for line in said if line.startswith("epoch 1/3")]) == 2


def no_space(*_):
    raise OSError("no space left")


def test_runs_that_end_in_the_same_second_get_folders_of_their_own(tmp_path):
    def run(number):
        with staging_folder(tmp_path) as staged:
            (staged / "number").write_text(str(number))
            return publish_run(staged, tmp_path, "dnn")

    time.sleep(1 - time.time() % 1)  # so that all three meet in one second
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(run, range(3)))
    assert len(set(folders)) == 3
    assert [(folder / "number").read_text() for folder in folders] == ["0", "1", "2"]


def test_a_run_that_fails_while_writing_leaves_no_run(published, tmp_path, monkeypatch):
    monkeypatch.setattr("training.commands.train.write_evaluation", no_space)
    with pytest.raises(TrainingError, match="no space left"):
        main(published.arguments(tmp_path))
    assert not list(tmp_path.glob("artifacts_*"))
    assert not list(tmp_path.glob(".staging/*"))


def test_a_log_gets_plain_lines_and_the_summary_last_and_the_lineage_names_the_run(published, tmp_path, monkeypatch):
    events = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(events), "append": True}
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    run = command(published.arguments(tmp_path))
    output, errors = run.communicate()
    assert run.returncode == 0, errors
    assert errors == ""
    assert "\r" not in output
    line = r"^epoch 1/3: loss 0\.\d+, held-out log loss 0\.\d+, AUC 0\.\d+, [\d,]+ rows/s$"
    assert re.search(line, output, re.MULTILINE)
    folder = json.loads(output.splitlines()[-1])["artifacts"]
    assert Path(folder).is_dir()
    assert json.loads(events.read_text())["outputs"][0]["name"] == folder


def test_a_terminal_gets_a_bar(published, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    main(published.arguments(tmp_path))
    assert "epoch 1/3: " in capsys.readouterr().err


def test_the_model_learns_what_there_is_to_learn(tmp_path):
    world = World(users=400, items=80, days=6, rows=24_000, deep_features=1)
    learned = train_on(world, tmp_path)
    assert learned["share"] > 0.6


def test_unpredictable_clicks_are_not_predicted(tmp_path):
    world = World(users=200, items=60, days=5, rows=6_000, signal=0.0)
    learned = train_on(world, tmp_path)
    assert learned["auc_low"] < 0.5 < learned["auc_high"]


def test_without_truth_there_is_no_best_reachable(tmp_path):
    world = World(days=3, rows=600)
    summary = train_on(world, tmp_path, truth=False)
    assert not {"share", "best_reachable_auc"} & set(summary)
    assert "best reachable" not in (Path(summary["artifacts"]) / "report.html").read_text()


def test_truth_of_only_some_rows_is_left_out(own_published, tmp_path, capsys):
    for file in own_published.catalog.files(TRUTH, own_published.world.last_date):
        pq.write_table(pq.read_table(file["name"], partitioning=None).slice(5), file["name"])
    summary = main(own_published.arguments(tmp_path / "runs"))
    assert "share" not in summary
    assert "validation rows have no true click probability" in capsys.readouterr().out


def test_the_package_itself_imports_nothing_heavy():
    code = "import training, sys; print([m for m in ('torch', 'numpy', 'pyarrow') if m in sys.modules])"
    imported = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "[]"


@pytest.mark.parametrize("model", ["dnn", "gbdt"])
def test_the_labels_of_the_validation_days_decide_nothing(own_published, tmp_path, model):
    """Flip them, and the model still predicts the same."""
    arguments = own_published.arguments(tmp_path, "--model", model)
    before = load_predictions(Path(main(arguments)["artifacts"]))
    date = own_published.world.last_date
    table = own_published.world.tables[date]
    flipped = table.set_column(
        table.schema.get_field_index("label"), "label", pc.subtract(pa.scalar(1, table["label"].type), table["label"])
    )
    publish(own_published.catalog, date, flipped)
    after = load_predictions(Path(main(arguments)["artifacts"]))
    assert after["label"].to_pylist() == [1 - label for label in before["label"].to_pylist()]
    assert after["logit"].equals(before["logit"])
