"""Kill processes, and look at what they leave."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import sqlalchemy

from local.processes.sessions import end_session, session_members
from local.processes.waiting import wait_until
from tests.end_to_end.user_airflow import Ui, airflow_command

_GIVEN_UP_SECONDS = 20
_RUNS_LOCKED = sqlalchemy.text(
    "select count(*) from pg_stat_activity join pg_locks using (pid)"
    " where state = 'idle in transaction' and relation = 'dag_run'::regclass and mode = 'RowShareLock'"
)


def give_up_idle_transactions_sooner(folder: Path) -> None:
    """Shorten the minute after which the database frees what a killed scheduler has locked."""
    limit = "idle_in_transaction_session_timeout"
    database = _database_of(folder)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.scalar(sqlalchemy.text(f"show {limit}")) == "1min"
        connection.execute(sqlalchemy.text(f"alter system set {limit} = '{_GIVEN_UP_SECONDS}s'"))
        connection.execute(sqlalchemy.text("select pg_reload_conf()"))
    database.dispose()


def kill_scheduler_with_runs_locked(airflow: Ui, folder: Path) -> None:
    """Kill the scheduler in a transaction. The workers that it forked keep the connection, and with it the locks."""
    database = _database_of(folder)
    [scheduler] = _running(airflow.leader, "airflow scheduler")

    def stopped_with_runs_locked() -> bool:
        scheduler.suspend()
        time.sleep(0.5)  # the database answers its last query meanwhile
        with database.begin() as connection:
            if connection.scalar(_RUNS_LOCKED):
                return True
        scheduler.resume()
        return False

    wait_until(stopped_with_runs_locked, every=0.1)
    scheduler.kill()
    database.dispose()


@contextmanager
def scheduler_again(folder: Path) -> Iterator[int]:
    """Start the scheduler as a user would, and end it and all it has started after the block. Yields its process id."""
    with (folder / "airflow" / "scheduler.log").open("w") as log:
        scheduler = subprocess.Popen(
            airflow_command(folder, "scheduler"), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield scheduler.pid
        finally:
            end_session(scheduler.pid)
            scheduler.wait()


def kill_sessions(*leaders: int) -> None:
    """Kill all processes of these sessions at once, tasks included."""
    for leader in leaders:
        for process in session_members(leader):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def stage_runs(folder: Path, date: str, stage: str = "") -> bool:
    """Whether the stage, or any stage, runs for this date on the folder's warehouse."""
    words = (f"{stage}.py --warehouse {folder.as_uri()}/", f"--date {date}")
    lines = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return any(all(word in line for word in words) for line in lines)


def left_in(warehouse: Path, date: str) -> list[Path]:
    """What interrupted stages have left: staged folders of this date, and trash, whose folders name no date.

    A later run removes both when they are a day old.
    """
    return [*warehouse.glob(f"*/.staging/*/date={date}"), *warehouse.glob("*/.trash/*/*")]


def _running(leader: int, words: str) -> list[psutil.Process]:
    """The processes of a session whose command lines contain these words."""
    members = session_members(leader)
    named = psutil.process_iter(["cmdline"])
    return [process for process in named if process in members and words in " ".join(process.info["cmdline"] or ())]


def _database_of(folder: Path) -> sqlalchemy.Engine:
    command = ["bash", "-c", f"source {folder}/airflow/env.sh && echo -n $AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    return sqlalchemy.create_engine(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
