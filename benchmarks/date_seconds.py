"""Measure how the wall time of a date in Airflow divides into waiting, starting and ending Spark, and work."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.logs import DATASET, write_logs
from local.airflow.dag_runs import run_dag
from local.airflow.start import local_airflow
from sample_logs.settings import PRESETS
from spark_jobs import FEATURE_STAGES, STAGES

_DAG = "antm2c_etl_daily"
_ROWS = 14_000
_TIMEOUT_SECONDS = 1800
_BEFORE = {
    "csv_to_orc": ("wait_for_raw",),
    **dict.fromkeys(FEATURE_STAGES, ("wait_for_history",)),
    "training_table": FEATURE_STAGES,
}


def measure(folder: Path) -> list[Figure]:
    """Run the daily DAG for two dates, and measure the second. The first one warms Airflow up."""
    logs = PRESETS["demo"].resized(2 * _ROWS, days=2)
    catalog = write_logs(folder, logs)
    settings = {"ANTM2C_WAREHOUSE": catalog.storage.root, "ANTM2C_DATASET": DATASET}
    no_scheduled_runs = {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "false",
    }
    home = folder / "airflow"
    with local_airflow(home, {**settings, **no_scheduled_runs}) as api:
        for date in logs.dates:
            run = run_dag(api, home, _DAG, {"run_date": date}, _TIMEOUT_SECONDS)
        tasks = {task["task_id"]: task for task in api.task_instances(_DAG, run)}
    figures = [_figure(stage, tasks, home / "logs" / f"dag_id={_DAG}" / f"run_id={run}") for stage in STAGES]
    total = _seconds(tasks["wait_for_raw"]["start_date"], tasks["training_table"]["end_date"])
    return [*figures, Figure(f"a date of {_ROWS:,} rows in Airflow", f"{total:.1f} s", "", None)]


def _figure(stage: str, tasks: dict[str, dict[str, Any]], logs: Path) -> Figure:
    task = tasks[stage]
    ready = max(tasks[before]["end_date"] for before in _BEFORE[stage])
    waiting, running = _seconds(ready, task["start_date"]), _seconds(task["start_date"], task["end_date"])
    work = _work_seconds(logs / f"task_id={stage}" / f"attempt={task['try_number']}.log")
    measured = f"{waiting:.1f} s until it starts, {running - work:.1f} s to start and end Spark, {work:.1f} s of work"
    details = {"wait_seconds": waiting, "start_and_end_seconds": running - work, "work_seconds": work}
    return Figure(f"{stage} of a date of {_ROWS:,} rows in Airflow", measured, "", None, details)


def _work_seconds(log: Path) -> float:
    """Return the stage's working time, which is in the last line that it prints."""
    line = next(event for event in reversed(_events(log)) if '"published"' in event)
    summary, _ = json.JSONDecoder().raw_decode(line[line.index("{") :])
    return max(partition["seconds"] for partition in summary["published"])


def _events(log: Path) -> list[str]:
    return [json.loads(line)["event"] for line in log.read_text().splitlines() if line.startswith("{")]


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
