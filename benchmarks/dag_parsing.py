"""Measure the CPU time of parsing all DAG files, including the import of Airflow."""

import sys
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.resources import run_measured
from warehouse.settings import REPOSITORY

_REPEATS = 5
_MOST_SECONDS = 2.0


def measure(folder: Path) -> list[Figure]:
    """Return the CPU seconds of a new process that imports the DAG files, and of one that imports only Airflow."""
    dag_files = ", ".join(f"dags.{file.stem}" for file in sorted((REPOSITORY / "dags").glob("antm2c_*.py")))
    ours, airflow = (_import_seconds(modules, folder / "log") for modules in (dag_files, "airflow.sdk"))
    return [
        Figure(
            "parsing all DAG files, in a new process",
            f"{ours:.2f} CPU-s, {airflow:.2f} of them importing airflow.sdk",
            f"under {_MOST_SECONDS:g} CPU-s",
            ours < _MOST_SECONDS,
            {"cpu_seconds": ours, "airflow_cpu_seconds": airflow},
        )
    ]


def _import_seconds(modules: str, log: Path) -> float:
    command = [sys.executable, "-c", f"import {modules}"]
    return median(run_measured(command, log).cpu_seconds for _ in range(_REPEATS))
