"""A scheduler, or all of an Airflow, that is killed in the middle of a backfill and started again."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import sqlalchemy

from local_airflow.sessions import end_session, session_members
from tests.end_to_end.user_airflow import (
    DAG,
    Ui,
    airflow_command,
    catalog_in,
    free_port,
    own_logs,
    user_airflow,
    wait_until,
)
from tests.spark_jobs.conftest import run_stages, versions
from warehouse.calendar_days import days

DATES = days("2023-07-10", "2023-07-11")
RUNS_LOCKED = sqlalchemy.text(
    "select count(*) from pg_stat_activity join pg_locks using (pid)"
    " where state = 'idle in transaction' and relation = 'dag_run'::regclass and mode = 'RowShareLock'"
)

pytestmark = pytest.mark.long


@pytest.fixture
def folder() -> Iterator[Path]:
    with logs() as folder:
        yield folder


@pytest.fixture(scope="module")
def undisturbed() -> dict[tuple[str, str], str | None]:
    """Versions of the same logs' tables, taken through the stages without Airflow."""
    with logs() as folder:
        run_stages(catalog_in(folder), "--start-date", DATES[0], "--end-date", DATES[-1])
        return versions(catalog_in(folder))


def logs() -> AbstractContextManager[Path]:
    return own_logs(rows=600, days=len(DATES))


def test_every_date_comes_out_as_if_the_scheduler_had_lived(folder: Path, undisturbed: dict) -> None:
    with user_airflow(folder, free_port()) as airflow:
        backfill_until_a_stage_runs(airflow, folder)
        kill_with_runs_locked(airflow, folder)
        with scheduler_again(folder):
            all_dates_succeed(airflow)
            killed = airflow.cut_off_tasks()
    assert versions(catalog_in(folder)) == undisturbed
    assert killed or left_in(folder / "warehouse") == []


def test_an_airflow_that_was_killed_with_its_tasks_goes_on_when_it_is_started_again(
    folder: Path, undisturbed: dict
) -> None:
    with user_airflow(folder, free_port()) as first:
        backfill_until_a_stage_runs(first, folder)
        for process in session_members(first.leader):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    with user_airflow(folder, free_port()) as second:
        all_dates_succeed(second)
        assert second.cut_off_tasks()
    assert versions(catalog_in(folder)) == undisturbed


def backfill_until_a_stage_runs(airflow: Ui, folder: Path) -> None:
    wait_until(lambda: airflow.api.has_dag(DAG))
    airflow.backfill(DATES[0], DATES[-1], "none", len(DATES))
    wait_until(lambda: bool(running(airflow.leader, f"user_features.py --warehouse {folder.as_uri()}")))


def kill_with_runs_locked(airflow: Ui, folder: Path) -> None:
    """Kills the scheduler in a transaction: the workers that it forked keep the connection, and with it the locks."""
    command = ["bash", "-c", f"source {folder}/airflow/env.sh && echo -n $AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    database = sqlalchemy.create_engine(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    [scheduler] = running(airflow.leader, "airflow scheduler")

    def stopped_with_runs_locked() -> bool:
        scheduler.suspend()
        time.sleep(0.5)  # what it had asked of the database is answered
        with database.begin() as connection:
            if connection.scalar(RUNS_LOCKED):
                return True
        scheduler.resume()
        return False

    wait_until(stopped_with_runs_locked, every=0.1)
    scheduler.kill()


def all_dates_succeed(airflow: Ui) -> None:
    wait_until(lambda: airflow.run_states() == dict.fromkeys(DATES, "success"))


def running(leader: int, words: str) -> list[psutil.Process]:
    """The processes of a session whose command lines hold these words."""
    members = session_members(leader)
    named = psutil.process_iter(["cmdline"])
    return [process for process in named if process in members and words in " ".join(process.info["cmdline"] or ())]


@contextmanager
def scheduler_again(folder: Path) -> Iterator[None]:
    """As a user starts it by hand; it ends with the block, and all that it started with it."""
    with (folder / "airflow" / "scheduler.log").open("w") as log:
        scheduler = subprocess.Popen(
            airflow_command(folder, "scheduler"), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            end_session(scheduler.pid)
            scheduler.wait()


def left_in(warehouse: Path) -> list[Path]:
    """What stages that were cut off have left; a later run removes it when it is a day old."""
    return [path for name in (".staging", ".trash") for path in warehouse.glob(f"*/{name}/*")]
