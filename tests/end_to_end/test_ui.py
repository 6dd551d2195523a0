"""`make ui` as its user has it: a backfill that meets a date without raw logs, and runs that outlast a restart."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local_airflow.api import AirflowApi
from local_airflow.database import end_database
from local_airflow.sessions import end_recorded, session_members
from sample_logs.settings import PRESETS
from sample_logs.writing import Writer
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.status import overview
from warehouse.tables import RAW, TRAIN, TRUTH

PROGRAM = """
import sys
from pathlib import Path
from local_airflow.__main__ import end_on_signals
from local_airflow.demo import Demo
from local_airflow.ui import run_ui
end_on_signals()
folder = Path(sys.argv[1])
demo = Demo(folder / "airflow", (folder / "warehouse").as_uri(), folder / "artifacts", dataset="mine")
run_ui(demo, int(sys.argv[2]))
"""
DAG = "antm2c_etl_daily"
DATES = ["2023-07-10", "2023-07-11", "2023-07-12"]
WITHOUT_LOGS = DATES[1]
TIMEOUT_SECONDS = 400


@pytest.fixture
def folder() -> Iterator[Path]:
    """Raw logs of DATES in `warehouse`, those of one date in `late` still.

    Not pytest's own folder: as root, the database runs as another user, to whom pytest closes its folders.
    """
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        folder = Path(made).resolve()
        catalog = catalog_in(folder)
        writer = Writer(catalog, replace(PRESETS["10k"], rows=900, days=len(DATES), start_date=DATES[0]))
        for day in range(len(DATES)):
            writer.write(day)
        shutil.move(catalog.path(RAW, WITHOUT_LOGS), folder / "late")
        shutil.rmtree(catalog.table_path(TRUTH))  # as a user's own logs: nothing is loaded
        yield folder
        end_recorded(folder / "airflow" / "session.json")
        end_database(folder / "airflow" / "postgres")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Ui:
    """What a user does in the UI, through the API that the UI calls. `said`: what the program printed."""

    def __init__(self, api: AirflowApi, said: str) -> None:
        self.api, self.said = api, said

    def backfill(self, first: str, last: str, reprocess: str, ask_only: bool = False) -> dict:
        """Creates a backfill, or asks what one would run."""
        bounds = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        asked = {"dag_id": DAG, **bounds, "reprocess_behavior": reprocess, "max_active_runs": len(DATES)}
        return self.api.call("POST", f"/api/v2/backfills{'/dry_run' if ask_only else ''}", asked)

    def runs(self) -> dict[str, dict]:
        """Backfill runs by their partition's date."""
        runs = self.api.call("GET", f"/api/v2/dags/{DAG}/dagRuns?run_type=backfill")["dag_runs"]
        return {run["logical_date"][:10]: run for run in runs}

    def run_states(self) -> dict[str, str]:
        return {date: run["state"] for date, run in self.runs().items()}

    def task_states(self, date: str) -> dict[str, str | None]:
        tasks = self.api.task_instances(DAG, self.runs()[date]["dag_run_id"])
        return {task["task_id"]: task["state"] for task in tasks}

    def clear(self, date: str, task_id: str) -> None:
        """As the dialog proposes it: the task and what comes after it."""
        asked = {"dag_run_id": self.runs()[date]["dag_run_id"], "task_ids": [task_id], "include_downstream": True}
        self.api.call("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", {**asked, "dry_run": False})


def catalog_in(folder: Path) -> Catalog:
    return Catalog((folder / "warehouse").as_uri(), "mine")


@contextmanager
def ui(folder: Path, port: int) -> Iterator[Ui]:
    """The program from when it has said all it has to say; ended by a signal, with all it started."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        try:
            said = said_until("Ctrl-C", program)
            user, password = re.search(r"user (\S+), password (\S+)", said).groups()
            leader = json.loads((folder / "airflow" / "session.json").read_text())["pid"]
            yield Ui(AirflowApi(f"http://localhost:{port}", user, password), said)
        finally:
            program.terminate()
            program.wait(timeout=60)
    named = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())]
    assert session_members(leader) | set(named) == set()


def said_until(start: str, program: subprocess.Popen) -> str:
    said = ""
    assert program.stdout
    for line in program.stdout:
        said += line
        if line.startswith(start):
            break
    return said


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(1)


def test_a_date_without_raw_logs_holds_the_rest_and_runs_outlast_a_restart(folder: Path, port: int) -> None:
    catalog = catalog_in(folder)
    with ui(folder, port) as first:
        assert f"Backfill: from {DATES[0]} to {DATES[2]}, Max Active Runs 2" in first.said
        wait_until(lambda: first.api.has_dag(DAG))
        first.backfill(DATES[0], DATES[-1], "none")
        wait_until(lambda: first.run_states().get(DATES[0]) == "success")
        wait_until(lambda: first.task_states(DATES[2])["wait_for_history"] == "deferred")
        assert first.run_states()[WITHOUT_LOGS] == "failed"
        assert first.task_states(WITHOUT_LOGS)["wait_for_raw"] == "failed"
        assert catalog.dates(TRAIN) == DATES[:1]

    shutil.move(folder / "late", catalog.path(RAW, WITHOUT_LOGS))
    with ui(folder, port) as second:
        assert password_in(second.said) == password_in(first.said)
        second.clear(WITHOUT_LOGS, "wait_for_raw")
        wait_until(lambda: second.run_states() == dict.fromkeys(DATES, "success"))
        lines, complete = overview(catalog)
        assert complete, lines
        for reprocess, would_run in {"none": 0, "failed": 0, "completed": len(DATES)}.items():
            asked = second.backfill(DATES[0], DATES[-1], reprocess, ask_only=True)
            assert len(asked["backfills"]) == would_run
        assert DAG in airflow_command(folder, "dags", "list", "--output", "plain")


def password_in(said: str) -> str:
    return re.search(r"password (\S+)", said)[1]


def airflow_command(folder: Path, *words: str) -> str:
    """An airflow command as a user gives it, in a shell that has read what the program wrote for it."""
    script = f"source {folder / 'airflow' / 'env.sh'} && airflow {' '.join(words)}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
