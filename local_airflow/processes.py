"""Starting Airflow with its database, and ending both with everything they started."""

import fcntl
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local_airflow.api import AirflowApi
from local_airflow.database import database
from local_airflow.errors import StartError
from local_airflow.sessions import end_recorded, end_session, held_signals, start_session
from warehouse.settings import REPOSITORY

AIRFLOW_LOG = "airflow.log"
PASSWORDS = "passwords.json"
EXPORTS = "env.sh"
_LOCK, _SESSION = "lock", "session.json"
_START_SECONDS = 180
_USER = "admin"
# Another Spark's home would be taken instead of the installed one.
_NOT_INHERITED = ("SPARK_HOME", "PYSPARK_DRIVER_PYTHON")


@contextmanager
def local_airflow(
    home: Path, environment: dict[str, str], port: int | None = None, keep: bool = False
) -> Iterator[AirflowApi]:
    """Runs an Airflow in `home`, its database included; tasks see `environment` besides. `port`: else a free one.

    Of an earlier Airflow no process is left. Its runs, logs and password go too, unless `keep` says to go on with them.
    Raises StartError where another one runs in `home`, where the port is taken, or where it does not answer in time.
    """
    home = home.resolve()
    with alone(home):
        with held_signals():
            end_recorded(home / _SESSION)
            if not keep:
                _empty(home)
        ports = _ports(port)
        with database(home / "postgres", keep) as uri, (home / AIRFLOW_LOG).open("w") as output:
            settings, api = _settings(home, uri, ports)
            _write_exports(home / EXPORTS, {**settings, **environment})
            command = [sys.executable, "-m", "airflow", "standalone"]
            with held_signals():
                airflow = start_session(
                    command, home, {**_inherited(), **settings, **environment}, output, home / _SESSION
                )
            try:
                _wait_until_healthy(airflow, api, home)
                yield api
            finally:
                with held_signals():
                    end_session(airflow.pid)
                    airflow.wait()
                    (home / _SESSION).unlink(missing_ok=True)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Raises StartError where the block runs in another process for the same folder."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"another of these runs in {home}: wait for it, or end it") from None
        yield


def _empty(home: Path) -> None:
    for path in home.iterdir():
        if path.name in (_LOCK, "postgres"):  # the database may still run
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _settings(home: Path, database_uri: str, ports: list[int]) -> tuple[dict[str, str], AirflowApi]:
    """What Airflow needs of its environment, and its API as it will answer."""
    port, log_port, trigger_log_port = ports
    url, passwords = f"http://localhost:{port}", home / PASSWORDS
    password = _password(passwords)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(max(2, os.cpu_count() or 2)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_uri,
        # Where all of it was killed, its tasks would be taken for running for five minutes after the next start.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_port),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW_CONN_SPARK_DEFAULT": os.environ.get(
            "AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[*]"})
        ),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",  # as many tasks as cores may run at once
    }
    return settings, AirflowApi(url, _USER, password)


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


def _write_exports(path: Path, environment: dict[str, str]) -> None:
    """What a shell needs for `airflow` commands to mean this Airflow."""
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))


def _password(passwords: Path) -> str:
    """That of an Airflow that is gone on with, else a new one. The file is its owner's alone from the first."""
    if not passwords.exists():
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({_USER: secrets.token_urlsafe(16)}))
    return json.loads(passwords.read_text())[_USER]


def _wait_until_healthy(airflow: subprocess.Popen, api: AirflowApi, home: Path) -> None:
    log, deadline = home / AIRFLOW_LOG, time.monotonic() + _START_SECONDS
    while not api.healthy():
        if airflow.poll() is not None:
            raise StartError(f"Airflow ended with status {airflow.returncode} while starting; see {log}")
        if time.monotonic() > deadline:
            raise StartError(f"Airflow did not answer within {_START_SECONDS} s; see {log}")
        time.sleep(0.5)


def _ports(wanted: int | None) -> list[int]:
    """The API's port, and two for logs. Raises StartError where the wanted one is taken."""
    try:
        return free_ports(3, first=wanted or 0)
    except OSError as error:
        raise StartError(f"port {wanted} is taken: end what listens there, or name another with --port") from error


def free_ports(number: int, first: int = 0) -> list[int]:
    """Ports that nobody listens on, `first` among them where it is given. Raises OSError if that one is taken."""
    with ExitStack() as held:  # all at once, else one might be given twice
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one, port in zip(sockets, (first, *[0] * (number - 1)), strict=True):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Airflow's API server does
            one.bind(("127.0.0.1", port))
        return [one.getsockname()[1] for one in sockets]
