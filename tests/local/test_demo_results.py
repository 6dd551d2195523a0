"""The table of results at the end of the demo."""

from pathlib import Path
from typing import Any

import pytest

from local.demo_results import summary
from tests.run_folders import write_run
from training.runs.layout import model_of
from training.runs.summary import runs_in
from training.tracking.run_tags import RUN_TAG
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.tables import LOGS, SCORES, TRAIN, Table

METRICS: dict[str, Any] = {
    "model": "dnn",
    "as_of": "2023-07-23",
    "rows": 14285,
    "auc": 0.6839,
    "auc_low": 0.6750,
    "auc_high": 0.6929,
    "auc_by": {
        "scene": {"0": 0.61, "1": 0.62, "2": 0.63, "3": 0.64},
        "user_level": {"zero": 0.51, "few": None, "warm": 0.71},
        "item_level": {"zero": 0.52, "few": 0.66, "warm": 0.72},
    },
}
TRUTH = {
    "best_reachable_auc": 0.7763,
    "share": 0.6656,
    "best_reachable_auc_by": {
        "scene": {"0": 0.71},
        "user_level": {"zero": 0.72, "few": None, "warm": 0.73},
        "item_level": {"zero": 0.74, "few": 0.75, "warm": 0.76},
    },
}


@pytest.fixture
def warehouse(tmp_path: Path) -> str:
    uri = (tmp_path / "warehouse").as_uri()
    for day, rejects in (("2023-07-22", {}), ("2023-07-23", {"bad_label": 2, "bad_scene": 1})):
        rejected = sum(rejects.values())
        publish(uri, LOGS, day, Content(1000 - rejected, [], "checksum", rows_in=1000, rejects=rejects))
        publish(uri, TRAIN, day, Content(1000 - rejected, [], "checksum"))
    return uri


def publish(uri: str, table: Table, day: str, content: Content) -> None:
    with StagedPartition(Catalog(uri, "demo"), table, day) as staged:
        staged.publish(content, [])


def finished_run(artifacts: Path, metrics: dict[str, Any]) -> Path:
    without_truth = {"best_reachable_auc": None, "share": None, "best_reachable_auc_by": {}}
    return write_run(artifacts, **without_truth | metrics)


def cells(text: str, title: str, number: int = 0) -> list[str]:
    """The words after the title in the `number`th line (from 0) that begins with it."""
    lines = [line for line in text.splitlines() if line.strip().startswith(f"{title} ")]
    return lines[number].strip().removeprefix(title).split()


def test_rows_in_and_rejected_are_totals_over_all_dates(warehouse: str) -> None:
    text = summary(warehouse, "demo", [])
    assert "2023-07-22 to 2023-07-23" in text
    assert cells(text, "rows in") == ["2,000"]
    assert cells(text, "rows rejected") == ["3"]
    assert cells(text, "rows to train on") == ["1,997"]


def test_models_are_listed_with_the_best_reachable_auc(warehouse: str, tmp_path: Path) -> None:
    other = METRICS | TRUTH | {"model": "mmoe", "auc": 0.7, "share": 0.72}
    text = summary(warehouse, "demo", [finished_run(tmp_path, METRICS | TRUTH), finished_run(tmp_path, other)])
    assert "14,285 rows up to 2023-07-23; best reachable AUC 0.7763" in text
    assert cells(text, "dnn") == ["0.6839", "0.6750-0.6929", "66.6%"]
    assert cells(text, "mmoe") == ["0.7000", "0.6750-0.6929", "72.0%"]


def test_cold_start_levels_and_scenes_are_in_their_columns(warehouse: str, tmp_path: Path) -> None:
    text = summary(warehouse, "demo", [finished_run(tmp_path, METRICS | TRUTH)])
    assert " ".join(cells(text, "AUC by cold start")) == "user zero user few user warm item zero item few item warm"
    assert cells(text, "dnn", 1) == ["0.5100", "-", "0.7100", "0.5200", "0.6600", "0.7200"]
    assert cells(text, "best reachable", 0) == ["0.7200", "-", "0.7300", "0.7400", "0.7500", "0.7600"]
    assert " ".join(cells(text, "AUC by scene")) == "scene 0 scene 1 scene 2 scene 3 scene 4"
    assert cells(text, "dnn", 2) == ["0.6100", "0.6200", "0.6300", "0.6400", "-"]
    assert cells(text, "best reachable", 1) == ["0.7100", "-", "-", "-", "-"]


def test_logs_without_a_known_truth_have_no_best_reachable_auc(warehouse: str, tmp_path: Path) -> None:
    text = summary(warehouse, "demo", [finished_run(tmp_path, METRICS)])
    assert "best reachable AUC -" in text
    assert cells(text, "dnn")[-1] == "-"
    assert "\n  best reachable" not in text


def test_every_run_is_listed_with_the_path_of_its_report(warehouse: str, tmp_path: Path) -> None:
    runs = [finished_run(tmp_path, METRICS), finished_run(tmp_path, METRICS | {"model": "mmoe_content"})]
    text = summary(warehouse, "demo", runs)
    assert [line.split()[-1] for line in text.splitlines() if " report " in line] == [f"{r}/report.html" for r in runs]
    assert [model_of(run.name) for run in runs] == ["dnn", "mmoe_content"]


def test_the_newest_scores_are_named_with_the_run_that_gave_them(warehouse: str) -> None:
    assert "candidates" not in summary(warehouse, "demo", [])
    catalog = Catalog(warehouse, "demo")
    with StagedPartition(catalog, SCORES, "2023-07-23") as staged:
        staged.publish(Content(1234, [], "checksum"), [], scored_by={RUN_TAG: "artifacts_mmoe_run_1"})
    text = summary(warehouse, "demo", [])
    assert "1,234 candidates of 2023-07-23, scored and ranked by artifacts_mmoe_run_1:" in text
    assert catalog.uri(SCORES, "2023-07-23") in text


def test_only_finished_runs_count(tmp_path: Path) -> None:
    finished = finished_run(tmp_path, METRICS)
    (tmp_path / ".staging" / "artifacts_dnn_run_half").mkdir(parents=True)
    assert runs_in(tmp_path) == {finished}
    assert runs_in(tmp_path / "nothing yet") == set()
