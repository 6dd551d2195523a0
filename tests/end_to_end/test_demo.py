"""The demo in a real Airflow, from sample logs to evaluated models."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local.airflow import start
from local.airflow.database import delete_database
from local.demo import Demo, run_demo
from local.processes.sessions import end_recorded, end_session, session_members, start_session
from local.processes.waiting import wait_until
from sample_logs.settings import PRESETS
from training.tracking.champion import champion_of
from training.tracking.run_tags import RUN_TAG
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.status import overview
from warehouse.tables import LOGS, SCORES, TRAIN

DATASET = "end_to_end"
DATES = 3  # the fewest for the history DAG, the daily DAG and a window of more than one date
MODELS = ("dnn", "mmoe_content")
PARTS = ("airflow scheduler", "airflow api", "airflow dag-processor", "airflow triggerer")
FILES = {
    "feature_meta.json",
    "vocabulary",
    "cold_report_long.csv",
    "cold_report_pivot.csv",
    "val_metrics.json",
    "predictions.parquet",
    "report.html",
}
PROGRAM = f"""
import sys
from pathlib import Path
from local.__main__ import end_on_signals
from local.demo import Demo, run_demo
end_on_signals()
folder = Path(sys.argv[1])
run_demo(Demo(folder / "airflow", (folder / "warehouse").as_uri(), folder / "artifacts", "10k", "{DATASET}"))
"""


@pytest.fixture
def demo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    monkeypatch.setitem(PRESETS, "10k", replace(PRESETS["10k"], days=DATES))
    home = folder / "airflow"
    yield Demo(
        home, (folder / "warehouse").as_uri(), folder / "artifacts", preset="10k", dataset=DATASET, models=MODELS
    )
    end_recorded(home / "session.json")
    delete_database(home / "postgres")


@pytest.fixture
def leaders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The leaders of all sessions that the test starts."""
    started: list[int] = []

    def recorded(*arguments, **named) -> subprocess.Popen:
        leader = start_session(*arguments, **named)
        started.append(leader.pid)
        return leader

    monkeypatch.setattr(start, "start_session", recorded)
    return started


def left_behind(demo: Demo, leader: int) -> list[str]:
    """Command lines of processes that are in Airflow's session or have the demo's folder in their arguments."""
    named = [p for p in psutil.process_iter(["cmdline"]) if str(demo.home) in " ".join(p.info["cmdline"] or ())]
    return [" ".join(process.cmdline()) for process in {*session_members(leader), *named}]


def test_the_demo_runs_from_sample_logs_to_a_table_of_results(demo: Demo, leaders: list[int]) -> None:
    text = run_demo(demo)
    lines, complete = overview(Catalog(demo.warehouse, DATASET))
    catalog = Catalog(demo.warehouse, DATASET)
    logs = [catalog.manifest(LOGS, day) for day in catalog.dates(LOGS)]
    runs = [run for model in MODELS for run in demo.artifacts.glob(f"artifacts_{model}_run_*")]

    assert complete, lines
    assert len(logs) == DATES
    assert sum(m.rows_in for m in logs) == sum(m.rows + sum(m.rejects.values()) for m in logs) == 10_000
    assert [catalog.manifest(TRAIN, m.date).rows for m in logs] == [m.rows for m in logs]
    assert len(runs) == len(MODELS)
    for model, run in zip(MODELS, runs, strict=True):
        metrics = json.loads((run / "val_metrics.json").read_text())
        assert {path.name for path in run.iterdir()} >= {*FILES, f"{model}_state.pt", f"{model}_config.json"}
        assert metrics["as_of"] == logs[-1].date
        assert 0.5 < metrics["auc"] < metrics["best_reachable_auc"] < 1
        for promised in (f"{metrics['auc']:.4f}", f"{metrics['best_reachable_auc']:.4f}", str(run / "report.html")):
            assert promised in text
    champion = champion_of(f"sqlite:///{demo.artifacts.parent}/mlflow/mlflow.db", DATASET)
    assert champion is not None
    assert champion.run == max(runs, key=lambda run: json.loads((run / "val_metrics.json").read_text())["auc"]).name
    scores = catalog.manifest(SCORES, logs[-1].date)
    assert scores.scored_by[RUN_TAG] == champion.run
    assert f"{scores.rows:,} candidates of {scores.date}, scored and ranked by {champion.run}" in text
    assert scores.rows == logs[-1].rows, "its candidates are the impressions of the last date"
    for promised in ("rows in", "10,000", "rejected", "zero", "few", "warm"):
        assert promised in text
    [leader] = leaders
    remaining = left_behind(demo, leader)
    end_session(leader)
    assert remaining == []


def test_a_demo_that_is_told_to_end_leaves_no_process_behind(demo: Demo, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], env=environment) as program:
        try:
            wait_until(lambda: all(any(part in line for line in running(demo)) for part in PARTS), every=0.2)
            leader = leader_of(demo)
        finally:
            program.send_signal(signal.SIGTERM)
        assert program.wait(timeout=60) == 128 + signal.SIGTERM
    remaining = left_behind(demo, leader)
    end_session(leader)
    assert remaining == []


def leader_of(demo: Demo) -> int:
    return json.loads((demo.home / "session.json").read_text())["pid"]


def running(demo: Demo) -> list[str]:
    """Command lines of Airflow's processes; none before it has started."""
    try:
        return left_behind(demo, leader_of(demo))
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):  # the record or a process appears or disappears
        return []
