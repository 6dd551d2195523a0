"""`make ui` as its user has it: a backfill that meets a date without raw logs, and runs that outlast a restart."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from benchmarks.board_runs import evaluated_rows, write_run_folder
from local_airflow.errors import ApiError
from tests.end_to_end.user_airflow import (
    DAG,
    Ui,
    airflow_command,
    catalog_in,
    late_logs_come,
    own_logs,
    user_airflow,
    wait_until,
)
from warehouse.status import overview
from warehouse.tables import TRAIN

DATES = ["2023-07-10", "2023-07-11", "2023-07-12"]
WITHOUT_LOGS = DATES[1]
STARTED = datetime(2023, 11, 1, tzinfo=UTC)

pytestmark = pytest.mark.long


@pytest.fixture
def folder() -> Iterator[Path]:
    with own_logs(rows=900, days=len(DATES), late=WITHOUT_LOGS) as folder:
        yield folder


def test_a_date_without_raw_logs_holds_the_rest_and_runs_outlast_a_restart(folder: Path, port: int) -> None:
    catalog = catalog_in(folder)
    trained = write_run_folder(folder / "artifacts", "mine", "mmoe", DATES[-1], STARTED, evaluated_rows(seed=1))
    with user_airflow(folder, port) as first:
        the_board_shows_its_runs_to_users_alone(first, trained.name)
        assert f"Backfill: from {DATES[0]} to {DATES[2]}, Max Active Runs 2" in first.said
        wait_until(lambda: first.api.has_dag(DAG))
        bounds = ("--from-date", DATES[0], "--to-date", DATES[-1], "--max-active-runs", str(len(DATES)))
        subprocess.run(airflow_command(folder, "backfill", "create", "--dag-id", DAG, *bounds), check=True)
        wait_until(lambda: first.run_states().get(DATES[0]) == "success")
        wait_until(lambda: first.task_states(DATES[2])["wait_for_history"] == "deferred")
        assert first.run_states()[WITHOUT_LOGS] == "failed"
        assert f"- wait_for_raw: no raw logs for {WITHOUT_LOGS}" in first.runs()[WITHOUT_LOGS]["note"]
        rows = catalog.manifest(TRAIN, DATES[0]).rows
        assert f"- {DATES[0]}: {rows} rows, 0 rejected, version " in first.runs()[DATES[0]]["note"]
        assert first.task_states(WITHOUT_LOGS)["wait_for_raw"] == "failed"
        assert catalog.dates(TRAIN) == DATES[:1]

    late_logs_come(folder, WITHOUT_LOGS)
    with user_airflow(folder, port) as second:
        assert second.password == first.password
        second.clear(WITHOUT_LOGS, "wait_for_raw")
        wait_until(lambda: second.run_states() == dict.fromkeys(DATES, "success"))
        assert "no raw logs" not in second.runs()[WITHOUT_LOGS]["note"]
        lines, complete = overview(catalog)
        assert complete, lines
        for reprocess, would_run in {"none": 0, "failed": 0, "completed": len(DATES)}.items():
            asked = second.backfill(DATES[0], DATES[-1], reprocess, len(DATES), ask_only=True)
            assert len(asked["backfills"]) == would_run
        before = catalog.version(TRAIN, DATES[-1])
        wait_until(lambda: accepted(second, DATES[-1]))
        wait_until(lambda: second.run_states()[DATES[-1]] == "running")
        wait_until(lambda: second.run_states()[DATES[-1]] == "success")
        assert catalog.version(TRAIN, DATES[-1]) == before


def accepted(airflow: Ui, date: str) -> bool:
    """Has the date run again in a backfill. Airflow refuses it until it has seen that the first one has ended."""
    try:
        return bool(airflow.backfill(date, date, "completed", 1))
    except ApiError as error:
        if error.status != 409:
            raise
        return False


def the_board_shows_its_runs_to_users_alone(airflow: Ui, run: str) -> None:
    shown = airflow.api.call("GET", "/antm2c/data/runs")["runs"]
    assert [line["name"] for line in shown] == [run]
    for path in (
        "board",
        "data/runs",
        "data/champion?dataset=mine",
        "data/freshness",
        f"reports/{run}",
        "assets/board.js",
    ):
        for headers in ({}, {"Authorization": "Bearer not.a.token"}):
            with pytest.raises(HTTPError, match=r"401|403"):
                urlopen(Request(f"{airflow.api.url}/antm2c/{path}", headers=headers))
