import csv
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.board_runs import evaluated_rows, write_run_folder
from plugins.board.runs import BrokenRunError, read_run
from tests.plugins.conftest import METRICS, REPORT, MakeRun
from training.runs.layout import model_of


def test_figures_are_those_of_val_metrics(make_run: MakeRun) -> None:
    run = read_run(make_run(alpha_by={"scene": {"0": 0.4}}))
    assert (run.model, run.dataset, run.as_of, run.rows, run.positives) == ("dnn", "demo", "2023-07-23", 500, 180)
    assert run.figures == {
        name: METRICS[name]
        for name in ("auc", "auc_low", "auc_high", "best_reachable_auc", "share", "gauc", "logloss", "ece")
    }
    assert run.best_by == {"scene": {"0": 0.74, "1": None}}
    assert run.alpha_by == {"scene": {"0": 0.4}}


def test_segments_are_the_lines_of_the_cold_start_report(make_run: MakeRun) -> None:
    segments = read_run(make_run()).segments
    written = list(csv.DictReader(io.StringIO(REPORT)))
    assert [{name: "" if v is None else str(v) for name, v in line.items()} for line in segments] == written


def test_a_run_without_a_known_truth_or_a_content_tower_has_no_share_and_no_alpha(make_run: MakeRun) -> None:
    folder = make_run()
    metrics = {name: value for name, value in METRICS.items() if "best" not in name and name != "share"}
    (folder / "val_metrics.json").write_text(json.dumps(metrics))
    run = read_run(folder)
    assert run.figures["share"] is run.figures["best_reachable_auc"] is None
    assert run.best_by == run.alpha_by == {}


def test_a_folder_as_training_writes_it_is_read(tmp_path: Path) -> None:
    evaluated = evaluated_rows(seed=3)
    started = datetime(2023, 11, 1, 12, 30, tzinfo=UTC)
    run = read_run(write_run_folder(tmp_path, "demo", "mmoe_content", "2023-07-23", started, evaluated))
    assert run.figures["auc"] == evaluated.metrics["auc"]
    assert run.alpha_by == evaluated.metrics["alpha_by"]
    assert run.best_by == evaluated.metrics["best_reachable_auc_by"]
    assert datetime.fromisoformat(run.started_at) == started
    for line, (segment, figures) in zip(run.segments, evaluated.report.items(), strict=True):
        names = {name: "" if value is None else str(value) for name, value in asdict(segment).items()}
        assert line == {**names, **asdict(figures)}


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("val_metrics.json", None, "val_metrics.json cannot be read"),
        ("val_metrics.json", '{"model": "dnn", "as_of": "2023', "val_metrics.json is damaged"),
        ("val_metrics.json", "[1, 2]", "holds no JSON object"),
        ("val_metrics.json", "[" * 100_000, "val_metrics.json is damaged"),
        ("val_metrics.json", json.dumps({**METRICS, "auc": float("nan")}), "nan is no number"),
        ("val_metrics.json", json.dumps({**METRICS, "auc": "0.7"}), "'0.7' is no number"),
        ("val_metrics.json", json.dumps({**METRICS, "as_of": "<b>today</b>"}), "is not what a run writes"),
        ("val_metrics.json", json.dumps({**METRICS, "best_reachable_auc_by": [1]}), "is not what a run writes"),
        ("val_metrics.json", json.dumps({"as_of": "2023-07-23"}), "has no 'rows'"),
        ("dnn_config.json", None, "dnn_config.json cannot be read"),
        ("dnn_config.json", '{"dataset": "../etc", "started_at": "2023-11-01"}', "'../etc' is no name of a dataset"),
        ("cold_report_long.csv", None, "cold_report_long.csv cannot be read"),
        ("cold_report_long.csv", b"\xff\xfe", "cold_report_long.csv is damaged"),
        ("cold_report_long.csv", "segment,scene\noverall,\n", "it has no column user_level"),
        ("cold_report_long.csv", REPORT + "scene,1,,,30", "line 6"),
        ("cold_report_long.csv", REPORT.replace("0.71", "nan"), "line 2: nan is no number"),
    ],
)
def test_what_is_wrong_with_a_broken_run_is_said_with_its_place(
    make_run: MakeRun, file: str, content: str | bytes | None, said: str
) -> None:
    path = make_run() / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BrokenRunError) as caught:
        read_run(path.parent)
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith("artifacts_dnn_run_20231101-000000: ")
    assert sentence.endswith("Train again, or remove the folder.")


@pytest.mark.parametrize(
    "name",
    ["..", "artifacts_", ".staging", "artifacts_<b>_run_20231101-000000", "artifacts_dnn_run_20231101-000000/.."],
)
def test_other_names_are_no_runs(name: str) -> None:
    assert model_of(name) is None
