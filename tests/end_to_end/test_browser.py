"""A user's day in Airflow's UI, by clicks in a real browser: five dates, one of them without logs, to models."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import needs_browser
from tests.end_to_end.airflow_pages import RUNS_MILLISECONDS, AirflowPages, browser_at
from tests.end_to_end.user_airflow import DAG, catalog_in, late_logs_come, own_logs, user_airflow, wait_until
from warehouse.calendar_days import days, days_before
from warehouse.status import overview
from warehouse.tables import RAW

DATES = days("2023-07-10", "2023-07-14")
WITHOUT_LOGS = DATES[2]
RETRAIN = "antm2c_retrain"
TRAINED = ["dnn", "mmoe"]
NOT_TRAINED = ["ple", "mmoe_content", "ple_content"]  # what the form proposes besides
NOTES = "After the late logs of July 12"

pytestmark = [needs_browser, pytest.mark.long]


@pytest.fixture
def folder() -> Iterator[Path]:
    with own_logs(rows=1500, days=len(DATES), late=WITHOUT_LOGS) as folder:
        yield folder


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    asked = request.config.getoption("screenshots", default=None)
    folder = Path(asked) if asked else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_user_backfills_brings_late_logs_retrains_and_reads_the_board(
    folder: Path, port: int, screenshots: Path
) -> None:
    with user_airflow(folder, port) as airflow, browser_at(airflow.api.url, screenshots) as pages:
        wait_until(lambda: airflow.api.has_dag(DAG) and airflow.api.has_dag(RETRAIN))
        pages.sign_in(airflow.user, airflow.password)
        start_the_backfill(pages)
        a_second_backfill_is_refused(pages)
        the_date_without_logs_fails_by_name(pages, catalog_in(folder).uri(RAW, WITHOUT_LOGS))
        late_logs_come(folder, WITHOUT_LOGS)
        pages.clear_task()
        all_dates_succeed(pages)
        lines, complete = overview(catalog_in(folder))
        assert complete, lines
        retrain(pages)
        a_person_approves_the_champion(pages)
        the_link_of_a_training_task_opens_its_run(pages, folder / "artifacts")


def run_of(date: str) -> str:
    """Airflow calls a run by the midnight at which it is due."""
    return f"backfill__{days_before(date, -1)}T00:00:00+00:00"


def start_the_backfill(pages: AirflowPages) -> None:
    pages.open_dag(DAG)
    expect(pages.schedule()).to_be_checked()
    form = pages.backfill_form(DATES[0], DATES[-1], "Missing Runs", active_runs=len(DATES))
    expect(form.get_by_text(f"{len(DATES)} runs will be triggered")).to_be_visible()
    start = form.get_by_role("button", name="Run Backfill")
    pages.screenshot("backfill_form", around=form)
    start.click()
    expect(form).to_be_hidden()
    expect(pages.page.get_by_text("Backfill in progress")).to_be_visible()


def a_second_backfill_is_refused(pages: AirflowPages) -> None:
    form = pages.backfill_form(DATES[-1], days_before(DATES[-1], -1), "Missing Runs", active_runs=2)
    form.get_by_role("button", name="Run Backfill").click()
    expect(form.get_by_text(f"There is already a running backfill for dag {DAG}")).to_be_visible()
    form.get_by_role("button", name="Cancel").click()
    expect(form).to_be_hidden()


def the_date_without_logs_fails_by_name(pages: AirflowPages, wanted: str) -> None:
    """The dates before it go on, those after it wait and say for what. Leaves the failed task's page open."""
    pages.tab("Runs")
    pages.expect_state(pages.row(run_of(WITHOUT_LOGS)), "Failed")
    pages.expect_state(pages.row(run_of(days_before(WITHOUT_LOGS, 1))), "Success")
    after = days_before(WITHOUT_LOGS, -1)
    pages.follow(run_of(after))
    pages.expect_state(pages.row("wait_for_history"), "Deferred")
    pages.follow("wait_for_history")
    expect(pages.log()).to_contain_text(f"{after} waits: no raw logs for {WITHOUT_LOGS}")

    pages.open_dag(DAG)
    pages.tab("Runs")
    expect(pages.row(run_of(after))).to_contain_text("Running")
    pages.follow(run_of(WITHOUT_LOGS))
    pages.expect_state(pages.row("wait_for_raw"), "Failed")
    pages.follow("wait_for_raw")
    expect(pages.log()).to_contain_text(f"no raw logs for {WITHOUT_LOGS}: put its CSV files into {wanted}")


def all_dates_succeed(pages: AirflowPages) -> None:
    pages.open_dag(DAG)
    pages.tab("Runs")
    for date in DATES:
        pages.expect_state(pages.row(run_of(date)), "Success")
    expect(pages.page.get_by_text("Backfill in progress")).to_be_hidden(timeout=RUNS_MILLISECONDS)
    pages.show_more_runs()
    pages.screenshot("backfill")


def retrain(pages: AirflowPages) -> None:
    pages.open_dag(RETRAIN)
    form = pages.trigger_form()
    start = form.get_by_role("button", name="Trigger", exact=True)
    for section in ("Window", "Models", "Training", "Promotion", "Notes"):
        expect(form.get_by_role("button", name=section, exact=True)).to_be_visible()
    epochs_must_be_a_number_from_one_on(pages, form, start)
    pages.section(form, "Window")
    form.locator("[name=element_as_of]").fill(DATES[-1])
    form.locator("[name=element_train_days]").fill(str(len(DATES) - 1))
    pages.section(form, "Promotion")
    form.get_by_role("checkbox").locator("..").click()
    pages.section(form, "Notes")
    form.locator("[name=element_notes]").fill(NOTES)
    pages.section(form, "Models")
    for model in NOT_TRAINED:
        form.get_by_label(f"Remove {model}", exact=True).click()
    pages.screenshot("retrain", around=form)
    start.click()
    expect(form).to_be_hidden()
    for model in TRAINED:
        pages.expect_state(pages.row("train").filter(has_text=model), "Success")
    expect(pages.row("train")).to_have_count(len(TRAINED))
    pages.expect_state(pages.row("compare"), "Success")


def a_person_approves_the_champion(pages: AirflowPages) -> None:
    pages.expect_state(pages.row("approve"), "Awaiting Input")
    pages.follow("approve")
    pages.page.get_by_role("link", name="Required Action").click()
    expect(pages.page.get_by_text("there is no champion yet")).to_be_visible()
    pages.screenshot("approve")
    pages.page.get_by_role("button", name="Approve").click()
    pages.open_dag(RETRAIN)
    pages.tab("Runs")
    pages.expect_state(pages.page.get_by_role("row").filter(has_text="manual__"), "Success")
    pages.page.get_by_role("link", name="manual__").last.click()
    pages.expect_state(pages.row("promote"), "Success")


def epochs_must_be_a_number_from_one_on(pages: AirflowPages, form: Locator, start: Locator) -> None:
    pages.section(form, "Training")
    epochs = form.locator("[name=element_epochs]")
    epochs.fill("0")
    epochs.blur()
    expect(epochs).to_have_value("1")
    epochs.fill("")
    expect(form.get_by_text("This field is required")).to_be_visible()
    expect(start).to_be_disabled()
    epochs.fill("2")
    expect(start).to_be_enabled()


def the_link_of_a_training_task_opens_its_run(pages: AirflowPages, artifacts: Path) -> None:
    model = TRAINED[0]
    pages.row("train").filter(has_text=model).get_by_role("link", name="train", exact=True).click()
    pages.tab("Details")
    pages.follow("Cold-start board")
    opened = pages.board().locator("#runs tr.opened")
    [run] = artifacts.glob(f"artifacts_{model}_run_*")
    metrics = json.loads((run / "val_metrics.json").read_text())
    expect(opened).to_contain_text(model)
    expect(opened).to_contain_text(f"{metrics['auc']:.4f}")
    expect(pages.board().locator("#champion")).to_contain_text("Champion of mine: ")
    assert parse_qs(urlsplit(pages.page.url).query) == {"run": [run.name]}
    assert json.loads((run / f"{model}_config.json").read_text())["notes"] == NOTES
    expect(pages.board().locator("#heat-item.js-plotly-plot")).to_be_attached()  # the last plot to be drawn
    expect(pages.board().locator("#warehouse-summary")).not_to_be_empty()
    pages.screenshot("board")
