"""`make ui` as its user has it: a real Airflow that keeps its runs from one start to the next."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from local_airflow.api import AirflowApi
from local_airflow.database import end_database
from local_airflow.sessions import end_recorded, session_members
from warehouse.settings import REPOSITORY

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
MISSING, RECEIVED = "2023-07-11", "2023-07-10"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: as root, the database runs as another user, to whom pytest closes its folders."""
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        folder = Path(made).resolve()
        raw = folder / "warehouse" / "raw_mine" / f"date={RECEIVED}"
        raw.mkdir(parents=True)
        (raw / "logs.csv").write_text("user_id,item_id,log_time,label,scene\n")
        yield folder
        end_recorded(folder / "airflow" / "session.json")
        end_database(folder / "airflow" / "postgres")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def ui(folder: Path, port: int) -> Iterator[tuple[AirflowApi, str]]:
    """The Airflow once it says what to click first, and what it has said; ended by a signal."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        said = ""
        try:
            for line in program.stdout:
                said += line
                if line.startswith("Ctrl-C"):
                    break
            user, password = re.search(r"user (\S+), password (\S+)", said).groups()
            leader = json.loads((folder / "airflow" / "session.json").read_text())["pid"]
            yield AirflowApi(f"http://localhost:{port}", user, password), said
        finally:
            program.terminate()
            program.wait(timeout=60)
    named = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or ())]
    assert session_members(leader) | set(named) == set()


def failed_run(api: AirflowApi) -> str:
    """The id of a daily run by hand of a date without raw logs, once it has failed."""
    run_id = api.trigger("antm2c_etl_daily", {"run_date": MISSING})
    deadline = time.monotonic() + 120
    while (state := api.run_state("antm2c_etl_daily", run_id)) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert state == "failed"
    return run_id


def test_runs_and_login_are_there_the_next_time(folder: Path, port: int) -> None:
    with ui(folder, port) as (api, said):
        password = re.search(r"password (\S+)", said)[1]
        assert f"http://localhost:{port}" in said
        assert f"Backfill: from {RECEIVED} to {RECEIVED}, Max Active Runs 1" in said
        run_id = failed_run(api)
        [failed] = [t for t in api.task_instances("antm2c_etl_daily", run_id) if t["state"] == "failed"]
        assert (failed["task_id"], failed["try_number"]) == ("wait_for_raw", 1)
    with ui(folder, port) as (api, said):
        assert re.search(r"password (\S+)", said)[1] == password
        assert api.run_state("antm2c_etl_daily", run_id) == "failed"
