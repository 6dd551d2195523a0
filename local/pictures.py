"""Take the screenshots in docs/: a local Airflow loads and trains on the demo's logs, and a browser opens its pages."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from local.airflow.api import AirflowApi
from local.airflow.dag_runs import run_dag
from local.airflow.environment import PASSWORDS
from local.airflow.start import local_airflow
from local.browser.airflow_pages import RUNS_MILLISECONDS, AirflowPages, browser_at
from local.browser.chromium import BROWSER
from local.demo import TIMEOUT_SECONDS, Demo, write_logs
from local.errors import RunError, StartError
from local.processes.folder_lock import locked
from orchestration.board_address import address_of
from training.runs.layout import REPORT_FILE

_DAILY, _RETRAIN = "antm2c_etl_daily", "antm2c_retrain"
_BACKFILLED = 6  # dates
_TRAIN_DAYS = 12
_REPORT_OF = "mmoe_content"
_REPORT_VIEW = ViewportSize(width=1140, height=1730)  # as wide as the report; from its title to its curves


def make_pictures(folder: Path, docs: Path) -> None:
    """Work in `folder`, and copy the pictures to `docs` when all are taken. Takes about a quarter of an hour.

    Raises StartError, ApiError or RunError. Playwright's own errors mean that a page is not as expected; then
    `folder`/pictures/failed.png shows the page.
    """
    if BROWSER is None:
        raise StartError("pictures are taken with Chromium: install it (Debian: apt-get install chromium)")
    demo = Demo(folder / "airflow", (folder / "warehouse").as_uri(), folder / "artifacts")
    pictures = folder / "pictures"
    with locked(folder):
        for earlier in ("warehouse", "artifacts", "mlflow", "pictures"):  # starting Airflow empties Airflow's folder
            shutil.rmtree(folder / earlier, ignore_errors=True)
        pictures.mkdir()
        dates = write_logs(demo)
        print("Starting Airflow", flush=True)
        with local_airflow(demo.home, demo.environment) as api:
            _prepare(demo, api, dates[:-_BACKFILLED])
            with browser_at(api.url, pictures) as pages:
                pages.sign_in(api.user, json.loads((demo.home / PASSWORDS).read_text())[api.user])
                _backfill(pages, api, dates[-_BACKFILLED:])
                _retrain(pages, dates[-1])
                [run] = demo.artifacts.glob(f"artifacts_{_REPORT_OF}_run_*")
                _board(pages, run)
                _report(pages, run)
        for picture in sorted(pictures.iterdir()):
            print(f"{shutil.copy(picture, docs)}", flush=True)


def _prepare(demo: Demo, api: AirflowApi, dates: Sequence[str]) -> None:
    """Load the first dates, and train a weak champion, so that the retraining has one to beat."""
    history = {"start_date": dates[0], "end_date": dates[-1]}
    run_dag(api, demo.home, "antm2c_etl_history", history, TIMEOUT_SECONDS)
    weak = {"as_of": dates[-1], "train_days": 2, "models": ["dnn"], "epochs": 1}
    run_dag(api, demo.home, _RETRAIN, weak, TIMEOUT_SECONDS)


def _backfill(pages: AirflowPages, api: AirflowApi, dates: Sequence[str]) -> None:
    print(f"\nBackfilling {dates[0]} to {dates[-1]}", flush=True)
    pages.open_dag(_DAILY)
    form = pages.backfill_form(dates[0], dates[-1], "Missing Runs")
    form.get_by_role("button", name="Run Backfill").click()
    expect(form).to_be_hidden()
    pages.rest_until(lambda: _backfilled(api) == len(dates))
    pages.open_dag(_DAILY)
    pages.tab("Runs")
    expect(pages.page.get_by_text("Backfill in progress")).to_be_hidden(timeout=RUNS_MILLISECONDS)
    pages.show_more_runs()
    pages.screenshot("backfill")


def _backfilled(api: AirflowApi) -> int:
    """Return how many runs of the backfill have succeeded. Raises RunError if one has failed."""
    runs = api.call("GET", f"/api/v2/dags/{_DAILY}/dagRuns?run_type=backfill")["dag_runs"]
    if failed := [run["dag_run_id"] for run in runs if run["state"] == "failed"]:
        raise RunError(
            f"these runs of the backfill have failed: {', '.join(failed)}; see the logs of their tasks in Airflow"
        )
    return sum(run["state"] == "success" for run in runs)


def _retrain(pages: AirflowPages, as_of: str) -> None:
    print(f"Retraining as of {as_of}", flush=True)
    pages.open_dag(_RETRAIN)
    form = pages.trigger_form()
    pages.fill_window(form, as_of, _TRAIN_DAYS)
    pages.require_approval(form)
    pages.screenshot("retrain", form)
    form.get_by_role("button", name="Trigger", exact=True).click()
    expect(form).to_be_hidden()
    pages.open_approval()
    expect(pages.page.get_by_text("Lead in AUC").first).to_be_visible()
    pages.screenshot("approve")
    pages.approve(_RETRAIN)


def _board(pages: AirflowPages, run: Path) -> None:
    pages.page.goto(f"{pages.url}{address_of(str(run), pages.url)}")
    pages.expect_board()
    expect(pages.board().locator("#champion")).to_contain_text("Champion of demo: ")
    pages.screenshot("board")


def _report(pages: AirflowPages, run: Path) -> None:
    pages.page.set_viewport_size(_REPORT_VIEW)
    pages.page.goto((run / REPORT_FILE).as_uri())
    pages.page.screenshot(path=pages.screenshots / "report.png")
