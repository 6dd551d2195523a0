"""The models beside the networks, through all commands."""

import shutil
from pathlib import Path

import pytest

from tests.training.conftest import Published, near, read_json
from training.checksums import write_checksums
from training.cli import main
from training.errors import TrainingError
from training.scoring.trees import tree_columns


@pytest.fixture(scope="module")
def trained(published: Published, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each model."""
    artifacts = tmp_path_factory.mktemp("baselines")
    return {name: Path(main(published.arguments(artifacts, "--model", name))["artifacts"]) for name in ("gbdt", "lr")}


@pytest.mark.parametrize(("model", "file"), [("gbdt", "gbdt_trees.txt"), ("lr", "lr_state.pt")])
def test_a_run_is_complete_and_is_evaluated_from_its_folder_alone(trained: dict, model: str, file: str) -> None:
    folder = trained[model]
    assert {file, f"{model}_config.json", "predictions.parquet", "report.html"} <= {
        path.name for path in folder.iterdir()
    }
    metrics = read_json(folder / "val_metrics.json")
    again = main(["evaluate", "--artifacts", str(folder)])
    assert {key: again[key] for key in metrics} == near(metrics)
    assert metrics["auc"] > 0.6, "it should have learnt something"
    assert "gates" not in metrics


def test_trees_are_tracked_compared_challenged_and_promoted(
    trained: dict, finished: tuple[Path, dict], tracking_uri: str
) -> None:
    tracking, runs = ["--tracking-uri", tracking_uri], [str(trained["gbdt"]), str(finished[0])]
    assert [run["model"] for run in main(["compare", "--artifacts", *runs])["runs"]] == ["gbdt", "dnn"]
    assert set(main(["track", *tracking, "--artifacts", *runs])["tracked"]) == {Path(run).name for run in runs}
    main(["promote", *tracking, "--artifacts", runs[0]])
    decision = main(["challenge", *tracking, "--artifacts", runs[1]])
    assert decision["champion"]["run"] == trained["gbdt"].name
    side_by_side = main(["compare", "--artifacts", *runs])["runs"]
    assert decision["tests"]["overall"] == pytest.approx(side_by_side[1]["against_first"], abs=1e-6)


def test_streamed_rows_give_trees_about_as_good(
    trained: dict, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("training.commands.train.BYTES_PER_ROW", 2_500)  # 1 MB holds 420 rows
    streamed = main(published.arguments(tmp_path, "--model", "gbdt", "--memory-mb", "1"))
    assert ", streamed" in capsys.readouterr().out
    assert streamed["auc"] == pytest.approx(read_json(trained["gbdt"] / "val_metrics.json")["auc"], abs=0.02)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda text: text[: len(text) // 2], "it is damaged"),
        (lambda text: text.replace("split_feature=", "split_feature=9", 1), "it is damaged"),
    ],
)
def test_damaged_trees_are_refused_in_a_sentence(trained: dict, tmp_path: Path, damage, problem: str) -> None:
    copied = Path(shutil.copytree(trained["gbdt"], tmp_path / trained["gbdt"].name))
    file = copied / "gbdt_trees.txt"
    file.write_text(damage(file.read_text()))
    write_checksums(copied)
    with pytest.raises(TrainingError) as caught:
        main(["evaluate", "--artifacts", str(copied)])
    assert str(caught.value) == f"{file} cannot be used, {problem}: train again"


def test_trees_for_other_features_are_refused(trained: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.scoring.trees.tree_columns", lambda shape: tree_columns(shape)[:-1])
    with pytest.raises(TrainingError, match=r"gbdt_trees\.txt cannot be used, its trees see other features"):
        main(["evaluate", "--artifacts", str(trained["gbdt"])])


def test_trees_are_not_trained_on_a_gpu(published: Published, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="gbdt is trained by one process on the CPU"):
        main(published.arguments(tmp_path, "--model", "gbdt", "--device", "cuda"))
