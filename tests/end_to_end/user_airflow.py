"""`make ui` as a user runs it: raw logs of the user's own, the program, and calls to its API."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from local.airflow.api import AirflowApi
from local.airflow.database import delete_database
from local.processes.sessions import end_recorded, session_members
from sample_logs.settings import FIRST_DATE, PRESETS
from sample_logs.writing import Writer
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import RAW, TRUTH

PROGRAM = """
import sys
from pathlib import Path
from local.__main__ import end_on_signals
from local.demo import Demo
from local.ui import run_ui
end_on_signals()
folder = Path(sys.argv[1])
demo = Demo(folder / "airflow", (folder / "warehouse").as_uri(), folder / "artifacts", dataset="mine")
run_ui(demo, int(sys.argv[2]))
"""
DAG = "antm2c_etl_daily"
RETRAIN = "antm2c_retrain"


@contextmanager
def own_logs(rows: int, days: int, late: Collection[str]) -> Iterator[Path]:
    """A folder with raw logs in `warehouse`. Those of the dates `late` are in its folder `late` at first.

    Not in pytest's tmp_path: if root runs the tests, the database runs as another user, who may not enter that.
    """
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        folder = Path(made).resolve()
        catalog = catalog_in(folder)
        writer = Writer(catalog, replace(PRESETS["10k"], rows=rows, days=days, start_date=FIRST_DATE))
        for day in range(days):
            writer.write(day)
        (folder / "late").mkdir()
        for date in late:
            shutil.move(catalog.path(RAW, date), folder / "late")
        shutil.rmtree(catalog.table_path(TRUTH))  # without it, they count as a user's own logs, which are not loaded
        yield folder
        end_recorded(folder / "airflow" / "session.json")
        delete_database(folder / "airflow" / "postgres")


def late_logs_come(folder: Path, *dates: str) -> None:
    for date in dates:
        shutil.move(folder / "late" / f"date={date}", catalog_in(folder).path(RAW, date))


class Ui:
    """What a user does in the UI, done through the API that the UI calls."""

    def __init__(self, url: str, said: str, leader: int) -> None:
        """`said`: what the program printed; `leader`: the leader of Airflow's session."""
        self.said, self.leader = said, leader
        self.user, self.password = re.search(r"user (\S+), password (\S+)", said).groups()
        self.api = AirflowApi(url, self.user, self.password)

    def backfill(self, first: str, last: str, reprocess: str, active_runs: int, dry_run: bool = False) -> dict:
        """Create a backfill, or ask what it would run."""
        bounds = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        body = {"dag_id": DAG, **bounds, "reprocess_behavior": reprocess, "max_active_runs": active_runs}
        return self.api.call("POST", f"/api/v2/backfills{'/dry_run' if dry_run else ''}", body)

    def runs(self) -> dict[str, dict]:
        """Backfill runs by their partition's date."""
        runs = self.api.call("GET", f"/api/v2/dags/{DAG}/dagRuns?run_type=backfill")["dag_runs"]
        return {run["logical_date"][:10]: run for run in runs}

    def run_states(self) -> dict[str, str]:
        return {date: run["state"] for date, run in self.runs().items()}

    def tries(self, date: str) -> dict[str, int]:
        tasks = self.api.task_instances(DAG, self.runs()[date]["dag_run_id"])
        return {task["task_id"]: task["try_number"] for task in tasks}


def catalog_in(folder: Path) -> Catalog:
    return Catalog((folder / "warehouse").as_uri(), "mine")


@contextmanager
def user_airflow(folder: Path, port: int) -> Iterator[Ui]:
    """Run the program during the block, from its last line of output on. A signal then ends it and all it started."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as program:
        try:
            said = _said_until("Ctrl-C", program)
            leader = json.loads((folder / "airflow" / "session.json").read_text())["pid"]
            yield Ui(f"http://localhost:{port}", said, leader)
        finally:
            program.terminate()
            program.wait(timeout=60)
    named = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())]
    assert session_members(leader) | set(named) == set()


class Running:
    """The one Airflow on a folder that tests share."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._started = folder, ExitStack()
        self._ui: Ui | None = None
        self.leaders: list[int] = []  # of its sessions

    def ui(self) -> Ui:
        """Start it if it does not run."""
        if self._ui is None:
            self._ui = self._started.enter_context(user_airflow(self._folder, free_port()))
            self.leaders.append(self._ui.leader)
        return self._ui

    def joined_by(self, session: AbstractContextManager[int]) -> None:
        """Add another session, which ends before Airflow does. It yields the session's leader."""
        self.leaders.append(self._started.enter_context(session))

    def end(self) -> None:
        self._ui = None
        self.leaders.clear()
        self._started.close()


def _said_until(start: str, program: subprocess.Popen) -> str:
    said = ""
    assert program.stdout
    for line in program.stdout:
        said += line
        if line.startswith(start):
            break
    return said


def airflow_command(folder: Path, *words: str) -> list[str]:
    """An airflow command in a shell that has sourced the file the program writes for users."""
    return ["bash", "-c", f"source {folder / 'airflow' / 'env.sh'} && exec airflow {' '.join(words)}"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
