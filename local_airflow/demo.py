"""The demo: sample logs, the history DAG, the daily DAG, the retraining DAG, and a table of what came out."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from local_airflow.processes import local_airflow
from local_airflow.runs import run_dag
from local_airflow.summary import summary
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import RAW

# The demo's dates are small: a JVM that compiles less starts in half the time.
_SMALL_DATA = {"SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
_TIMEOUT_SECONDS = 1200


@dataclass(frozen=True)
class Demo:
    """Where the demo runs, and on how many logs."""

    home: Path
    warehouse: str
    artifacts: Path
    preset: str = "demo"
    dataset: str = "demo"
    seed: int = 7


def run_demo(demo: Demo) -> str:
    """Runs all three DAGs and returns the table. Raises StartError, RunError or CalledProcessError."""
    started = time.monotonic()
    write_logs(demo)
    dates = Catalog(demo.warehouse, demo.dataset).dates(RAW)
    places = {
        "ANTM2C_WAREHOUSE": demo.warehouse,
        "ANTM2C_DATASET": demo.dataset,
        "ANTM2C_ARTIFACTS": str(demo.artifacts),
    }
    print("Starting Airflow", flush=True)
    with local_airflow(demo.home, {**_SMALL_DATA, **places}) as api:
        print(f"Airflow answers at {api.url} after {time.monotonic() - started:.0f} s", flush=True)
        history = {"start_date": dates[0], "end_date": dates[-2]}
        run_dag(api, demo.home, "antm2c_etl_history", history, _TIMEOUT_SECONDS)
        run_dag(api, demo.home, "antm2c_etl_daily", {"run_date": dates[-1]}, _TIMEOUT_SECONDS)
        training = {"as_of": dates[-1], "train_days": min(12, len(dates) - 1)}
        run_dag(api, demo.home, "antm2c_retrain", training, _TIMEOUT_SECONDS)
    seconds = time.monotonic() - started
    return f"{summary(demo.warehouse, demo.dataset, demo.artifacts)}\n\n{seconds:.0f} s in all"


def write_logs(demo: Demo) -> None:
    """Writes the sample logs; dates that are there already stay as they are."""
    place = ["--warehouse", demo.warehouse, "--dataset", demo.dataset]
    logs = ["--preset", demo.preset, "--seed", str(demo.seed)]
    command = [sys.executable, "-m", "sample_logs", *place, *logs]
    subprocess.run(command, check=True, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
