"""`make ui` with raw logs of the user's own: a day of work in the browser, and what happens if processes are killed.

All tests share one Airflow and one warehouse. Each continues where the one before it has ended.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import sqlalchemy

from benchmarks.board_runs import evaluated_rows, write_run_folder
from local.airflow.database import database
from local.browser.airflow_pages import browser_at
from local.errors import ApiError
from local.processes.waiting import wait_until
from tests.browser import needs_browser
from tests.end_to_end import clicks, kills
from tests.end_to_end.user_airflow import (
    DAG,
    RETRAIN,
    Running,
    Ui,
    airflow_command,
    catalog_in,
    late_logs_come,
    own_logs,
)
from tests.spark_jobs.conftest import run_stages, versions
from training.runs.stored_run import load_run
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.status import overview
from warehouse.tables import RAW, TRAIN

LOADED = days("2023-07-10", "2023-07-15")
CLICKED = days("2023-07-16", "2023-07-19")
WITHOUT_LOGS = CLICKED[1]
KILLED = days("2023-07-20", "2023-07-21")
STARTED = datetime(2023, 11, 1, tzinfo=UTC)

pytestmark = [needs_browser, pytest.mark.long]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    late = (WITHOUT_LOGS, *KILLED)
    with own_logs(rows=3000, days=len(LOADED + CLICKED + KILLED), late=late) as folder:
        run_stages(catalog_in(folder), "--start-date", LOADED[0], "--end-date", LOADED[-1])
        yield folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    running = Running(folder)
    yield running
    running.end()


@pytest.fixture(scope="module")
def failed() -> list[str]:
    """The test that failed, if one did."""
    return []


@pytest.fixture(autouse=True)
def in_order(request: pytest.FixtureRequest, failed: list[str]) -> Iterator[None]:
    if failed:
        pytest.skip(f"continues from {failed[0]}, which failed")
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        failed.append(request.node.name)


@pytest.fixture
def airflow(running: Running) -> Ui:
    return running.ui()


@pytest.fixture
def catalog(folder: Path) -> Catalog:
    return catalog_in(folder)


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    asked = request.config.getoption("screenshots", default=None)
    folder = Path(asked) if asked else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str | None]:
    """All versions, those of the dates with kills included, as the stages make them without Airflow in a copy."""
    copy = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(folder / "warehouse", copy / "warehouse")
    shutil.copytree(folder / "late", copy / "late")
    late_logs_come(copy, *KILLED)
    run_stages(catalog_in(copy), "--start-date", KILLED[0], "--end-date", KILLED[-1])
    return versions(catalog_in(copy))


def test_the_first_use_says_what_to_backfill(airflow: Ui) -> None:
    assert f"Backfill: from {CLICKED[0]} to {CLICKED[-1]}\n" in airflow.said
    wait_until(lambda: airflow.api.has_dag(DAG) and airflow.api.has_dag(RETRAIN))


def test_the_board_shows_its_runs_only_to_signed_in_users(airflow: Ui, folder: Path) -> None:
    run = write_run_folder(folder / "artifacts", "mine", "mmoe", CLICKED[-1], STARTED, evaluated_rows(seed=1))
    shown = airflow.api.call("GET", "/antm2c/data/runs")["runs"]
    assert [line["name"] for line in shown] == [run.name]
    for path in (
        "board",
        "data/runs",
        "data/champion?dataset=mine",
        "data/freshness",
        f"data/leads?dataset=mine&run={run.name}",
        f"reports/{run.name}",
        "assets/board.js",
    ):
        for headers in ({}, {"Authorization": "Bearer not.a.token"}):
            with pytest.raises(HTTPError, match=r"401|403"):
                urlopen(Request(f"{airflow.api.url}/antm2c/{path}", headers=headers))
    shutil.rmtree(run)


def test_all_dates_of_a_backfill_go_on_when_the_one_without_logs_is_cleared(
    airflow: Ui, folder: Path, catalog: Catalog, screenshots: Path
) -> None:
    with browser_at(airflow.api.url, screenshots) as pages:
        pages.sign_in(airflow.user, airflow.password)
        clicks.start_the_backfill(pages, CLICKED)
        clicks.a_second_backfill_is_refused(pages, CLICKED[-1])
        pages.rest_until(lambda: airflow.run_states()[CLICKED[-1]] == "failed")
        clicks.the_date_without_logs_fails_by_name(pages, WITHOUT_LOGS, catalog.uri(RAW, WITHOUT_LOGS))
        told = {date: run["note"] for date, run in airflow.runs().items()}
        assert told[WITHOUT_LOGS].startswith(f"{WITHOUT_LOGS}: wait_for_raw: no raw logs for {WITHOUT_LOGS}")
        rows = catalog.manifest(TRAIN, CLICKED[0]).rows
        assert told[CLICKED[0]].startswith(f"{CLICKED[0]}: {rows} rows, 0 rejected, version ")
        assert catalog.dates(TRAIN) == [*LOADED, CLICKED[0]]
        late_logs_come(folder, WITHOUT_LOGS)
        pages.clear_task()
        pages.rest_until(lambda: set(airflow.run_states().values()) == {"success"})
        clicks.all_dates_succeed(pages, CLICKED)
    assert airflow.run_states() == dict.fromkeys(CLICKED, "success")
    assert all("no raw logs" not in run["note"] for run in airflow.runs().values())
    lines, complete = overview(catalog)
    assert complete, lines


@pytest.mark.parametrize(("reprocess", "would_run"), [("none", 0), ("failed", 0), ("completed", len(CLICKED))])
def test_a_dry_run_of_a_backfill_lists_what_it_would_run(airflow: Ui, reprocess: str, would_run: int) -> None:
    answer = airflow.backfill(CLICKED[0], CLICKED[-1], reprocess, len(CLICKED), dry_run=True)
    assert len(answer["backfills"]) == would_run


def test_a_user_retrains_approves_the_champion_and_reads_the_board(
    airflow: Ui, folder: Path, screenshots: Path
) -> None:
    with browser_at(airflow.api.url, screenshots) as pages:
        pages.sign_in(airflow.user, airflow.password)
        clicks.retrain(pages)
        runs = (load_run(run) for run in (folder / "artifacts").glob("artifacts_*"))
        assert {run.config.window.dates for run in runs} == {(*LOADED, *CLICKED)}
        clicks.a_person_approves_the_champion(pages)
        clicks.the_link_of_a_training_task_opens_its_run(pages, folder / "artifacts")


def test_a_backfill_continues_when_its_killed_scheduler_is_started_by_hand(
    undisturbed: dict, running: Running, airflow: Ui, folder: Path, catalog: Catalog
) -> None:
    late_logs_come(folder, *KILLED)
    kills.give_up_idle_transactions_sooner(folder)
    bounds = ("--from-date", KILLED[0], "--to-date", KILLED[-1], "--max-active-runs", "1")
    subprocess.run(airflow_command(folder, "backfill", "create", "--dag-id", DAG, *bounds), check=True)
    wait_until(lambda: kills.stage_runs(folder, KILLED[0], "user_features"))
    kills.kill_scheduler_with_runs_locked(airflow, folder)
    running.joined_by(kills.scheduler_again(folder))
    wait_until(lambda: airflow.run_states()[KILLED[0]] == "success")
    assert versions_of(KILLED[0], versions(catalog)) == versions_of(KILLED[0], undisturbed)
    cut_off = any(number > 1 for date in KILLED for number in airflow.tries(date).values())
    assert cut_off or kills.left_in(folder / "warehouse", KILLED[0]) == []


def test_an_airflow_that_was_killed_with_its_tasks_continues_when_it_is_started_again(
    undisturbed: dict, running: Running, airflow: Ui, folder: Path, catalog: Catalog
) -> None:
    wait_until(lambda: kills.stage_runs(folder, KILLED[-1]))
    assert airflow.run_states()[KILLED[-1]] == "running"
    tries = airflow.tries(KILLED[-1])
    kills.kill_sessions(*running.leaders)
    running.end()
    again = running.ui()
    assert again.password == airflow.password
    assert again.run_states() == {**dict.fromkeys(CLICKED + KILLED[:-1], "success"), KILLED[-1]: "running"}
    wait_until(lambda: again.run_states()[KILLED[-1]] == "success")
    assert any(number > max(tries[task], 1) for task, number in again.tries(KILLED[-1]).items())
    assert versions(catalog) == undisturbed


def test_a_date_that_runs_again_unchanged_keeps_its_version(airflow: Ui, catalog: Catalog) -> None:
    date = KILLED[-1]
    before = catalog.version(TRAIN, date)
    wait_until(lambda: accepted(airflow, date))
    wait_until(lambda: airflow.run_states()[date] == "running")
    wait_until(lambda: airflow.run_states()[date] == "success")
    assert catalog.version(TRAIN, date) == before


def test_an_airflow_that_was_ended_keeps_its_runs_and_its_password(running: Running, folder: Path) -> None:
    airflow = running.ui()
    running.end()
    assert json.loads((folder / "airflow" / "passwords.json").read_text()) == {airflow.user: airflow.password}
    kept = sqlalchemy.text(f"select state from dag_run where dag_id = '{DAG}' and run_type = 'backfill'")
    with database(folder / "airflow" / "postgres", keep=True) as uri:
        engine = sqlalchemy.create_engine(uri)
        with engine.connect() as connection:
            assert list(connection.scalars(kept)) == ["success"] * len(CLICKED + KILLED)
        engine.dispose()


def versions_of(date: str, every: dict[tuple[str, str], str | None]) -> dict[tuple[str, str], str | None]:
    return {partition: version for partition, version in every.items() if partition[1] == date}


def accepted(airflow: Ui, date: str) -> bool:
    """Start a backfill of the date again. Airflow refuses it until it has noticed that the first one has ended."""
    try:
        return bool(airflow.backfill(date, date, "completed", 1))
    except ApiError as error:
        if error.status != 409:
            raise
        return False
