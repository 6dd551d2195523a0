"""The Airflow that people work with: it stays until Ctrl-C, and its runs are there the next time."""

import json
import time

from local.airflow.airflow_settings import EXPORTS, PASSWORDS
from local.airflow.api import AirflowApi
from local.airflow.runs import run_dag
from local.airflow.service import AIRFLOW_LOG, local_airflow
from local.demo import TIMEOUT_SECONDS, Demo, write_logs
from local.processes.errors import RunError, StartError
from training.runs.summary import runs_in
from warehouse.catalog import Catalog
from warehouse.tables import RAW, TRAIN, TRUTH

_LEFT_TO_BACKFILL = 4  # dates
_LOOK_SECONDS = 5.0
_SILENCE_SECONDS = 120.0


def run_ui(demo: Demo, port: int) -> None:
    """Runs Airflow until a signal ends it. Raises StartError or ApiError.

    Where the dataset is no one's own logs, what is not there yet of the demo is written, loaded but for the last dates,
    and trained on.
    """
    catalog = Catalog(demo.warehouse, demo.dataset)
    sample = not catalog.dates(RAW) or bool(catalog.dates(TRUTH))
    if sample:
        write_logs(demo)
    print("Starting Airflow", flush=True)
    with local_airflow(demo.home, demo.environment, port, keep=True) as api:
        password = json.loads((demo.home / PASSWORDS).read_text())[api.user]
        print(f"\nAirflow answers at {api.url}: user {api.user}, password {password}", flush=True)
        if sample:
            try:
                _load(demo, api, catalog)
            except RunError as error:
                print(f"\nerror: {error}\nAirflow stays, so that you can look and try again.", flush=True)
        print(f"\n{first_clicks(catalog)}\n\n{_end(demo)}", flush=True)
        _stay(demo, api)


def first_clicks(catalog: Catalog) -> str:
    """What to do first with the dataset as it is, a line each."""
    received, trained_on = catalog.dates(RAW), catalog.dates(TRAIN)
    left = [date for date in received if date not in trained_on]
    backfill = (
        f"from {left[0]} to {left[-1]}, Max Active Runs {len(left)}" if left else "dates of raw logs that you add"
    )
    days = min(12, len(received) - 1)
    retrain = f"as of {received[-1]}, training days {days}" if days > 0 else "as of the last of two dates or more"
    return "\n".join(
        (
            "Click first",
            f"  Backfill  Dags, antm2c_etl_daily, Trigger, Backfill: {backfill}",
            f"  Retrain   Dags, antm2c_retrain, Trigger: {retrain}",
            "  Retry     a red task in the grid, Clear: only that task and those after it run again",
        )
    )


def _end(demo: Demo) -> str:
    commands = f"For airflow commands: source {demo.home / EXPORTS}"
    return f"{commands}\nCtrl-C ends Airflow. Its runs are kept in {demo.home}."


def _load(demo: Demo, api: AirflowApi, catalog: Catalog) -> None:
    dates = catalog.dates(RAW)[:-_LEFT_TO_BACKFILL]
    if len(dates) < 2:  # one to train on, one to validate on
        return
    if set(dates) - set(catalog.dates(TRAIN)):
        print(f"\nFirst use: {dates[0]} to {dates[-1]} are loaded, which takes some minutes. Look around meanwhile.")
        run_dag(api, demo.home, "antm2c_etl_history", {"start_date": dates[0], "end_date": dates[-1]}, TIMEOUT_SECONDS)
    if not runs_in(demo.artifacts):
        training = {"as_of": dates[-1], "train_days": len(dates) - 1, "models": ["dnn", "mmoe_content"]}
        run_dag(api, demo.home, "antm2c_retrain", training, TIMEOUT_SECONDS)


def _stay(demo: Demo, api: AirflowApi) -> None:
    """Never returns: a signal ends it. Raises StartError where Airflow has ended by itself."""
    last_answer = time.monotonic()
    while True:
        time.sleep(_LOOK_SECONDS)
        if api.healthy():
            last_answer = time.monotonic()
        elif time.monotonic() - last_answer > _SILENCE_SECONDS:
            raise StartError(f"Airflow has not answered for {_SILENCE_SECONDS:.0f} s; see {demo.home / AIRFLOW_LOG}")
