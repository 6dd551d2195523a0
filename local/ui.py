"""Run an Airflow for people to work with. It runs until Ctrl-C, and its runs are kept for the next time."""

import json
import time

from local.airflow.api import AirflowApi
from local.airflow.dag_runs import run_dag
from local.airflow.environment import EXPORTS, PASSWORDS
from local.airflow.start import AIRFLOW_LOG, local_airflow
from local.demo import TIMEOUT_SECONDS, Demo, write_logs
from local.errors import RunError, StartError
from training.runs.summary import runs_in
from training.window import LEAST_TRAIN_DAYS
from warehouse.catalog import Catalog
from warehouse.tables import RAW, TRAIN, TRUTH

_LEFT_TO_BACKFILL = 4  # dates
_FEWEST_DATES = LEAST_TRAIN_DAYS + 1  # to train on, and one to validate on
_LOOK_SECONDS = 5.0
_SILENCE_SECONDS = 120.0


def run_ui(demo: Demo, port: int) -> None:
    """Run Airflow until a signal ends it. Raises StartError or ApiError.

    If the user has no logs of this dataset, sample logs are written first. On first use, all of their dates except the
    last few are loaded, and two models are trained on them.
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
                print(
                    f"\nerror: {error}\nAirflow keeps running, so that you can look at the cause and try again.",
                    flush=True,
                )
        print(f"\n{first_clicks(catalog)}\n\n{_closing_lines(demo)}", flush=True)
        _watch(demo, api)


def first_clicks(catalog: Catalog) -> str:
    """Suggest what to do first with the dataset, one suggestion per line."""
    received, loaded = catalog.dates(RAW), catalog.dates(TRAIN)
    left = [date for date in received if date not in loaded]
    backfill = f"from {left[0]} to {left[-1]}" if left else "the dates whose raw logs you add"
    retrain = f"as of {received[-1]}" if len(received) >= _FEWEST_DATES else f"needs at least {_FEWEST_DATES} dates"
    return "\n".join(
        (
            "What to try first",
            f"  Backfill  Dags, antm2c_etl_daily, Trigger, Backfill: {backfill}",
            f"  Retrain   Dags, antm2c_retrain, Trigger: {retrain}",
            "  Retry     click a red task in the grid, then Clear: it and the tasks after it run again",
        )
    )


def _closing_lines(demo: Demo) -> str:
    commands = f"To use airflow commands: source {demo.home / EXPORTS}"
    return f"{commands}\nCtrl-C stops Airflow. Its runs are kept in {demo.home}."


def _load(demo: Demo, api: AirflowApi, catalog: Catalog) -> None:
    dates = catalog.dates(RAW)[:-_LEFT_TO_BACKFILL]
    if len(dates) < _FEWEST_DATES:
        return
    if set(dates) - set(catalog.dates(TRAIN)):
        print(f"\nFirst use: loading {dates[0]} to {dates[-1]} takes a few minutes. You can look around meanwhile.")
        run_dag(api, demo.home, "antm2c_etl_history", {"start_date": dates[0], "end_date": dates[-1]}, TIMEOUT_SECONDS)
    if not runs_in(demo.artifacts):
        training = {"as_of": dates[-1], "train_days": len(dates) - 1, "models": ["dnn", "mmoe_content"]}
        run_dag(api, demo.home, "antm2c_retrain", training, TIMEOUT_SECONDS)


def _watch(demo: Demo, api: AirflowApi) -> None:
    """Watch Airflow until a signal comes. Raises StartError if Airflow stops answering."""
    last_answer = time.monotonic()
    while True:
        time.sleep(_LOOK_SECONDS)
        if api.healthy():
            last_answer = time.monotonic()
        elif time.monotonic() - last_answer > _SILENCE_SECONDS:
            raise StartError(f"Airflow has not answered for {_SILENCE_SECONDS:.0f} s; see {demo.home / AIRFLOW_LOG}")
