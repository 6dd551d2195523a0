"""Backfills through a real Airflow, the daily schedule being on: a date without raw logs, and dates that were there."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local_airflow.api import AirflowApi
from local_airflow.database import end_database
from local_airflow.demo import Demo
from local_airflow.processes import local_airflow
from local_airflow.sessions import end_recorded
from sample_logs.settings import PRESETS
from sample_logs.writing import Writer
from warehouse.catalog import Catalog
from warehouse.status import overview
from warehouse.tables import RAW, TRAIN

DAG = "antm2c_etl_daily"
DATES = ["2023-07-10", "2023-07-11", "2023-07-12"]
WITHOUT_LOGS = DATES[1]
TIMEOUT_SECONDS = 400


class Backfills:
    """An Airflow over a small warehouse, and what a user does in its UI, through the API that the UI calls."""

    def __init__(self, api: AirflowApi, catalog: Catalog) -> None:
        self.api, self.catalog = api, catalog

    def create(self, first: str, last: str, reprocess: str) -> int:
        bounds = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        asked = {"dag_id": DAG, **bounds, "reprocess_behavior": reprocess, "max_active_runs": 10}
        return self.api.call("POST", "/api/v2/backfills", asked)["id"]

    def completed(self, backfill: int) -> bool:
        return self.api.call("GET", f"/api/v2/backfills/{backfill}")["completed_at"] is not None

    def runs(self) -> dict[str, dict]:
        """Backfill runs by their partition's date."""
        runs = self.api.call("GET", f"/api/v2/dags/{DAG}/dagRuns?run_type=backfill")["dag_runs"]
        return {run["logical_date"][:10]: run for run in runs}

    def task_states(self, date: str) -> dict[str, str | None]:
        tasks = self.api.task_instances(DAG, self.runs()[date]["dag_run_id"])
        return {task["task_id"]: task["state"] for task in tasks}

    def clear(self, date: str, task_id: str) -> None:
        """As the dialog proposes it: the task and what comes after it."""
        asked = {"dag_run_id": self.runs()[date]["dag_run_id"], "task_ids": [task_id], "include_downstream": True}
        self.api.call("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", {**asked, "dry_run": False})

    def versions(self) -> list[str]:
        return [self.catalog.version(TRAIN, date) for date in DATES]


@pytest.fixture(scope="module")
def backfills() -> Iterator[Backfills]:
    """Not in pytest's own folder: as root, the database runs as another user, to whom pytest closes its folders."""
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        folder = Path(made).resolve()
        demo = Demo(folder / "airflow", (folder / "warehouse").as_uri(), folder / "artifacts", dataset="backfilled")
        catalog = Catalog(demo.warehouse, demo.dataset)
        writer = Writer(catalog, replace(PRESETS["10k"], rows=900, days=len(DATES), start_date=DATES[0]))
        for day in range(len(DATES)):
            writer.write(day)
        shutil.move(catalog.path(RAW, WITHOUT_LOGS), folder / "late")
        with local_airflow(demo.home, demo.environment) as api:
            wait_until(lambda: api.has_dag(DAG))
            yield Backfills(api, catalog)
        end_recorded(demo.home / "session.json")
        end_database(demo.home / "postgres")


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(1)


def test_a_date_without_raw_logs_holds_the_rest_until_it_has_them(backfills: Backfills) -> None:
    backfill = backfills.create(DATES[0], DATES[-1], "none")
    wait_until(lambda: backfills.runs()[DATES[0]]["state"] == "success")
    wait_until(lambda: backfills.task_states(DATES[2])["wait_for_history"] == "deferred")
    assert backfills.runs()[WITHOUT_LOGS]["state"] == "failed"
    assert backfills.task_states(WITHOUT_LOGS)["wait_for_raw"] == "failed"
    assert backfills.catalog.dates(TRAIN) == DATES[:1]

    late = Path(backfills.catalog.storage.root.removeprefix("file://")).parent / "late"
    shutil.move(late, backfills.catalog.path(RAW, WITHOUT_LOGS))
    backfills.clear(WITHOUT_LOGS, "wait_for_raw")
    wait_until(lambda: backfills.completed(backfill))
    assert {date: run["state"] for date, run in backfills.runs().items()} == dict.fromkeys(DATES, "success")
    lines, complete = overview(backfills.catalog)
    assert complete, lines


@pytest.mark.parametrize("reprocess", ["none", "failed", "completed"])
def test_a_backfill_of_dates_that_are_there_changes_no_version(backfills: Backfills, reprocess: str) -> None:
    before = backfills.versions()
    backfill = backfills.create(DATES[1], DATES[1], reprocess)
    wait_until(lambda: backfills.completed(backfill))
    assert backfills.runs()[DATES[1]]["state"] == "success"
    assert backfills.versions() == before
    assert overview(backfills.catalog)[1]
