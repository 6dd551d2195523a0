"""The embedded PostgreSQL server."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy

from local.airflow.database import database, delete_database
from local.airflow.start import local_airflow
from local.errors import StartError
from warehouse.settings import REPOSITORY

KEEPER = """
import sys, time
from pathlib import Path
from local.airflow.database import database
with database(Path(sys.argv[1])) as uri:
    print(uri, flush=True)
    time.sleep(120)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's tmp_path: if root runs the tests, the database runs as another user, who may not enter that."""
    with tempfile.TemporaryDirectory(prefix="antm2c-") as folder:
        yield Path(folder).resolve() / "postgres"
        delete_database(Path(folder).resolve() / "postgres")


def servers_on(folder: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if str(folder) in (p.info["cmdline"] or ())]


def query(uri: str, sql: str) -> list:
    engine = sqlalchemy.create_engine(uri)
    with engine.begin() as connection:
        found = connection.execute(sqlalchemy.text(sql))
        return found.scalars().all() if found.returns_rows else []


def test_a_database_that_a_killed_program_left_running_is_replaced_by_a_new_one(folder: Path) -> None:
    command = [sys.executable, "-c", KEEPER, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout
        query(keeper.stdout.readline().strip(), "create table left_behind (number int)")
        keeper.send_signal(signal.SIGKILL)
    assert servers_on(folder)
    with database(folder) as uri:
        assert query(uri, "select tablename from pg_tables where schemaname = 'public'") == []
        assert len(servers_on(folder)) == 1
    assert servers_on(folder) == []
    assert not folder.exists()


def test_a_kept_database_is_used_again(folder: Path) -> None:
    with database(folder, keep=True) as uri:
        query(uri, "create table kept (number int)")
    assert servers_on(folder) == []
    with database(folder, keep=True) as uri:
        assert query(uri, "select tablename from pg_tables where schemaname = 'public'") == ["kept"]
    assert folder.exists()


def test_a_database_that_does_not_start_is_reported_and_leaves_no_process(folder: Path) -> None:
    folder.write_text("a file in its place")
    with pytest.raises(StartError, match=r"PostgreSQL did not start; see .*postgres.log"), database(folder):
        pass
    assert servers_on(folder) == []


def test_a_second_airflow_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    holder = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    command = [sys.executable, "-c", holder, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        first.stdout.readline()
        with pytest.raises(StartError, match="is in use by another process"), local_airflow(tmp_path, {}):
            pass
        first.communicate("\n")


def test_a_port_that_is_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} is in use"), local_airflow(tmp_path, {}, port=port):
            pass


def test_an_idle_transaction_is_ended_and_its_locks_are_freed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.airflow.database._IDLE_SECONDS", 1)
    with database(folder) as uri:
        query(uri, "create table locked (number int)")
        with sqlalchemy.create_engine(uri).connect() as forgotten:
            forgotten.execute(sqlalchemy.text("lock table locked"))
            query(uri, "lock table locked")  # waits until the server ends the idle transaction
            forgotten.invalidate()
