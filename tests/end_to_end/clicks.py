"""What a user does in Airflow's UI in a day, click by click."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, expect

from local.browser.airflow_pages import RUNS_MILLISECONDS, AirflowPages
from tests.end_to_end.user_airflow import DAG, RETRAIN
from warehouse.calendar_days import days_before

TRAINED = ["dnn", "mmoe"]
_NOT_TRAINED = ["gbdt", "ple", "mmoe_content", "ple_content"]  # the form proposes these too
LOADED_DAYS = 10  # when a user retrains
_NOTES = "After the late logs of July 17"


def _run_of(date: str) -> str:
    """The run's id. Airflow names a run after the midnight at which it is due."""
    return f"backfill__{days_before(date, -1)}T00:00:00+00:00"


def start_the_backfill(pages: AirflowPages, dates: Sequence[str]) -> None:
    """With the number of active runs that the form proposes."""
    pages.open_dag(DAG)
    expect(pages.schedule()).to_be_checked()
    form = pages.backfill_form(dates[0], dates[-1], "Missing Runs")
    expect(form.get_by_text(f"{len(dates)} runs will be triggered")).to_be_visible()
    expect(form.get_by_role("spinbutton").first).to_have_value("1")
    start = form.get_by_role("button", name="Run Backfill")
    pages.screenshot("backfill_form", form)
    start.click()
    expect(form).to_be_hidden()
    expect(pages.page.get_by_text("Backfill in progress")).to_be_visible()


def a_second_backfill_is_refused(pages: AirflowPages, date: str) -> None:
    form = pages.backfill_form(date, days_before(date, -1), "Missing Runs")
    form.get_by_role("button", name="Run Backfill").click()
    expect(form.get_by_text(f"There is already a running backfill for dag {DAG}")).to_be_visible()
    form.get_by_role("button", name="Cancel").click()
    expect(form).to_be_hidden()


def the_date_without_logs_fails_by_name(pages: AirflowPages, date: str, wanted: str) -> None:
    """Dates before it succeed; dates after it fail and say which date they need. Leaves the failed task's page open."""
    pages.open_dag(DAG)
    pages.tab("Runs")
    pages.expect_state(pages.row(_run_of(date)), "Failed")
    pages.expect_state(pages.row(_run_of(days_before(date, 1))), "Success")
    after = days_before(date, -1)
    pages.follow(_run_of(after))
    pages.expect_state(pages.row("wait_for_history"), "Failed")
    pages.follow("wait_for_history")
    needs = f"{after} needs the tables of {date}, but no run is processing that date: no raw logs for {date}"
    expect(pages.log()).to_contain_text(needs)
    expect(pages.log()).not_to_contain_text("Traceback")

    pages.open_dag(DAG)
    pages.tab("Runs")
    pages.follow(_run_of(date))
    pages.expect_state(pages.row("wait_for_raw"), "Failed")
    pages.follow("wait_for_raw")
    expect(pages.log()).to_contain_text(f"no raw logs for {date}: put its CSV files into {wanted}")


def all_dates_succeed(pages: AirflowPages, dates: Sequence[str]) -> None:
    pages.open_dag(DAG)
    pages.tab("Runs")
    for date in dates:
        pages.expect_state(pages.row(_run_of(date)), "Success")
    expect(pages.page.get_by_text("Backfill in progress")).to_be_hidden(timeout=RUNS_MILLISECONDS)
    pages.show_more_runs()
    pages.screenshot("backfill")


def retrain(pages: AirflowPages) -> None:
    """With the dates that the form proposes: the newest one, and the training days that there are before it."""
    pages.open_dag(RETRAIN)
    form = pages.trigger_form()
    start = form.get_by_role("button", name="Trigger", exact=True)
    for field in ("as_of", "train_days", "val_days", "epochs", "seed", "notes"):
        expect(form.locator(f"[name=element_{field}]")).to_be_visible()
    _epochs_must_be_at_least_one(form, start)
    pages.require_approval(form)
    form.locator("[name=element_notes]").fill(_NOTES)
    for model in _NOT_TRAINED:
        form.get_by_label(f"Remove {model}", exact=True).click()
    pages.screenshot("retrain", form)
    start.click()
    expect(form).to_be_hidden()
    for model in TRAINED:
        pages.expect_state(pages.row("train").filter(has_text=model), "Success")
    expect(pages.row("train")).to_have_count(len(TRAINED))
    pages.expect_state(pages.row("compare"), "Success")


def a_person_approves_the_champion(pages: AirflowPages) -> None:
    pages.open_approval()
    expect(pages.page.get_by_text("there is no champion yet")).to_be_visible()
    pages.screenshot("approve")
    pages.approve(RETRAIN)
    pages.page.get_by_role("link", name="manual__").last.click()
    pages.expect_state(pages.row("promote"), "Success")


def _epochs_must_be_at_least_one(form: Locator, start: Locator) -> None:
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
    config = json.loads((run / f"{model}_config.json").read_text())
    assert config["notes"] == _NOTES
    assert len(config["window"]["train"]) == LOADED_DAYS - 1
    pages.expect_board()
    pages.screenshot("board")
