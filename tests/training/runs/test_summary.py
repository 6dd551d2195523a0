import csv
import io
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.board_runs import evaluated_rows, write_run_folder
from tests.run_folders import METRICS, REPORT, write_run
from training.runs.layout import model_of
from training.runs.summary import BrokenRunError, read_summary
from warehouse.settings import REPOSITORY


def test_figures_are_those_of_val_metrics(tmp_path: Path) -> None:
    run = read_summary(write_run(tmp_path, alpha_by={"scene": {"0": 0.4}}))
    assert (run.model, run.dataset, run.as_of, run.rows, run.positives) == ("dnn", "demo", "2023-07-23", 500, 180)
    assert run.figures == {
        name: METRICS[name]
        for name in ("auc", "auc_low", "auc_high", "best_reachable_auc", "share", "gauc", "logloss", "ece")
    }
    assert run.best_by == {"scene": {"0": 0.74, "1": None}}
    assert run.alpha_by == {"scene": {"0": 0.4}}


def test_segments_are_the_lines_of_the_cold_start_report(tmp_path: Path) -> None:
    report = read_summary(write_run(tmp_path)).report
    lines = [{**asdict(segment), **asdict(figures)} for segment, figures in report.items()]
    written = list(csv.DictReader(io.StringIO(REPORT)))
    assert [{name: "" if v is None else str(v) for name, v in line.items()} for line in lines] == written


def test_a_run_without_a_known_truth_or_a_content_tower_has_no_share_and_no_alpha(tmp_path: Path) -> None:
    folder = write_run(tmp_path)
    metrics = {name: value for name, value in METRICS.items() if "best" not in name and name != "share"}
    (folder / "val_metrics.json").write_text(json.dumps(metrics))
    run = read_summary(folder)
    assert run.figures["share"] is run.figures["best_reachable_auc"] is None
    assert run.best_by == run.alpha_by == {}


def test_a_folder_as_training_writes_it_is_read(tmp_path: Path) -> None:
    evaluated = evaluated_rows(seed=3)
    started = datetime(2023, 11, 1, 12, 30, tzinfo=UTC)
    run = read_summary(write_run_folder(tmp_path, "demo", "mmoe_content", "2023-07-23", started, evaluated))
    assert run.figures["auc"] == evaluated.metrics["auc"]
    assert run.alpha_by == evaluated.metrics["alpha_by"]
    assert run.best_by == evaluated.metrics["best_reachable_auc_by"]
    assert datetime.fromisoformat(run.started_at) == started
    assert run.auc_by == evaluated.metrics["auc_by"]
    assert run.report == evaluated.report


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("val_metrics.json", None, "val_metrics.json cannot be read"),
        ("val_metrics.json", '{"model": "dnn", "as_of": "2023', "val_metrics.json is damaged"),
        ("val_metrics.json", "[1, 2]", "it must be a JSON object, in braces"),
        ("val_metrics.json", "[" * 100_000, "val_metrics.json is damaged"),
        ("val_metrics.json", json.dumps({**METRICS, "auc": float("nan")}), "nan is not a finite number"),
        ("val_metrics.json", json.dumps({**METRICS, "auc": "0.7"}), "'0.7' is not a finite number"),
        ("val_metrics.json", json.dumps({**METRICS, "as_of": "<b>today</b>"}), "has an invalid value"),
        ("val_metrics.json", json.dumps({**METRICS, "best_reachable_auc_by": [1]}), "has an invalid value"),
        ("val_metrics.json", json.dumps({"as_of": "2023-07-23"}), "lacks 'rows'"),
        ("dnn_config.json", None, "dnn_config.json cannot be read"),
        ("dnn_config.json", '{"dataset": "../etc", "started_at": "2023-11-01"}', "'../etc' is not a dataset's name"),
        ("cold_report_long.csv", None, "cold_report_long.csv cannot be read"),
        ("cold_report_long.csv", b"\xff\xfe", "cold_report_long.csv is damaged"),
        ("cold_report_long.csv", "segment,scene\noverall,\n", "it has no column user_level"),
        ("cold_report_long.csv", REPORT + "scene,1,,,30", "line 6"),
        ("cold_report_long.csv", REPORT.replace("0.71", "nan"), "line 2: nan is not a finite number"),
    ],
)
def test_what_is_wrong_with_a_broken_run_is_said_with_its_place(
    tmp_path: Path, file: str, content: str | bytes | None, said: str
) -> None:
    path = write_run(tmp_path) / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BrokenRunError) as caught:
        read_summary(path.parent)
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith(f"{path.parent}: ")
    assert sentence.endswith("; train again, or remove the folder")


def test_a_folder_of_another_name_is_no_run(tmp_path: Path) -> None:
    renamed = write_run(tmp_path).rename(tmp_path / "the best")
    with pytest.raises(BrokenRunError, match="the name of a run's folder must be"):
        read_summary(renamed)


def test_the_reader_loads_nothing_heavy() -> None:
    program = "import sys, training.runs.summary; print(*{'torch', 'pyarrow', 'numpy', 'pandas'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []


@pytest.mark.parametrize(
    "name",
    ["..", "artifacts_", ".staging", "artifacts_<b>_run_20231101-000000", "artifacts_dnn_run_20231101-000000/.."],
)
def test_other_names_are_no_runs(name: str) -> None:
    assert model_of(name) is None
