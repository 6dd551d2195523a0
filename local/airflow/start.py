"""Start Airflow with its database, and end both together with everything that they have started."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.airflow.api import AirflowApi
from local.airflow.database import database
from local.airflow.environment import EXPORTS, inherited, settings_for, write_exports
from local.airflow.session_leader import FAILED, READY
from local.errors import StartError
from local.processes.folder_lock import LOCK, locked
from local.processes.ports import free_ports
from local.processes.sessions import end_recorded, end_session, held_signals, start_session

AIRFLOW_LOG = "airflow.log"
_SESSION = "session.json"
_LEADER = "local.airflow.session_leader"


@contextmanager
def local_airflow(
    home: Path, environment: dict[str, str], port: int | None = None, keep: bool = False
) -> Iterator[AirflowApi]:
    """Run an Airflow and its database in the folder `home` during the `with` block. Yields a client for its API.

    port: of the UI; by default any free one. environment: more variables for Airflow and its tasks. Processes that an
    earlier Airflow has left behind are ended, and its runs, logs and password are deleted unless `keep` is set. Raises
    StartError if another Airflow runs in `home`, if the port is in use, or if Airflow does not answer in time.
    """
    home = home.resolve()
    with locked(home):
        with held_signals():
            end_recorded(home / _SESSION)
            if not keep:
                _empty(home)
        ports = _ports(port)
        with database(home / "postgres", keep) as uri:
            settings, api = settings_for(home, uri, ports)
            write_exports(home / EXPORTS, {**settings, **environment})
            log = home / AIRFLOW_LOG
            log.write_text("")
            # Unbuffered: a forked process would write the buffer's content a second time.
            command = [sys.executable, "-u", "-m", _LEADER, str(log)]
            with held_signals():
                airflow = start_session(
                    command, home, {**inherited(), **settings, **environment}, subprocess.PIPE, home / _SESSION
                )
            try:
                _follow(airflow, log)
                yield api
            finally:
                with held_signals():
                    end_session(airflow.pid)
                    airflow.communicate()
                    (home / _SESSION).unlink(missing_ok=True)


def _empty(home: Path) -> None:
    for path in home.iterdir():
        if path.name in (LOCK, "postgres"):  # the database may still be running
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _follow(leader: subprocess.Popen, log: Path) -> None:
    """Print each step of the start and how long it took. Raises StartError if a step fails or the leader ends."""
    began: float | None = None
    for line in _lines(leader):
        if began is not None:
            print(f"{time.monotonic() - began:6.1f} s", flush=True)
        if line == READY:
            return
        if line.startswith(FAILED):
            raise StartError(f"{line.removeprefix(FAILED)}; see {log}")
        print(f"  {line:<20}", end="", flush=True)
        began = time.monotonic()
    print(flush=True)
    raise StartError(f"Airflow ended with status {leader.wait()} while it started; see {log}")


def _lines(leader: subprocess.Popen) -> Iterator[str]:
    assert leader.stdout
    for line in leader.stdout:
        yield line.decode().rstrip("\n")


def _ports(wanted: int | None) -> list[int]:
    """Return a port for the API and two for logs. Raises StartError if the wanted port is in use."""
    try:
        return free_ports(3, first=wanted or 0)
    except OSError as error:
        raise StartError(
            f"port {wanted} is in use: end the program that uses it, or choose another with --port"
        ) from error
