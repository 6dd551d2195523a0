"""The demo: sample logs, the DAGs from raw logs to scored candidates, and a table of the results."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from local.airflow.dag_runs import run_dag
from local.airflow.environment import PASSWORDS
from local.airflow.start import local_airflow
from local.demo_results import summary
from local.errors import StartError
from sample_logs.settings import PRESETS
from sample_logs.writing import Writer
from training.runs.layout import model_of
from training.runs.summary import runs_in
from warehouse.catalog import Catalog

_NO_SCHEDULED_RUNS = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "false"}
TIMEOUT_SECONDS = 3600  # for one DAG run: on a busy machine it takes ten times as long as on an idle one


@dataclass(frozen=True)
class Demo:
    """The settings of a demo: its folders, its logs, and the models that it trains. home: Airflow's folder."""

    home: Path
    warehouse: str
    artifacts: Path
    preset: str = "demo"
    dataset: str = "demo"
    seed: int = 7
    models: tuple[str, ...] = ("dnn", "gbdt", "mmoe", "ple", "mmoe_content", "ple_content")

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for Airflow and its tasks."""
        return {
            "ANTM2C_WAREHOUSE": self.warehouse,
            "ANTM2C_DATASET": self.dataset,
            "ANTM2C_ARTIFACTS": str(self.artifacts),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        }


def run_demo(demo: Demo) -> str:
    """Run the DAGs and return the table of results. Raises StartError, ApiError or RunError."""
    started = time.monotonic()
    dates = write_logs(demo)
    earlier = runs_in(demo.artifacts)
    print("Starting Airflow", flush=True)
    with local_airflow(demo.home, {**demo.environment, **_NO_SCHEDULED_RUNS}) as api:
        print(
            f"Airflow answers at {api.url} until the demo ends: user {api.user}, password in {demo.home / PASSWORDS}",
            flush=True,
        )
        history = {"start_date": dates[0], "end_date": dates[-2]}
        run_dag(api, demo.home, "antm2c_etl_history", history, TIMEOUT_SECONDS)
        run_dag(api, demo.home, "antm2c_etl_daily", {"run_date": dates[-1]}, TIMEOUT_SECONDS)
        training = {"as_of": dates[-1], "train_days": min(12, len(dates) - 1), "models": list(demo.models)}
        run_dag(api, demo.home, "antm2c_retrain", training, TIMEOUT_SECONDS)
        run_dag(api, demo.home, "antm2c_score", {"date": dates[-1]}, TIMEOUT_SECONDS)
    trained = sorted(runs_in(demo.artifacts) - earlier, key=lambda run: demo.models.index(str(model_of(run.name))))
    seconds = time.monotonic() - started
    return f"\n{summary(demo.warehouse, demo.dataset, trained)}\n\nThe demo took {seconds:.0f} s. Next: make ui"


def write_logs(demo: Demo) -> list[str]:
    """Write the sample logs, except dates that exist already, and return their dates. The last has candidates too.

    Raises StartError if other logs are in their place.
    """
    settings = replace(PRESETS[demo.preset], seed=demo.seed)
    writer = Writer(Catalog(demo.warehouse, demo.dataset), settings)
    try:
        rows = sum(writer.write(day) for day in range(settings.days))
        writer.write_candidates(settings.days - 1)
    except OSError as error:
        raise StartError(f"the sample logs cannot be written: {error}") from error
    written = f"{rows:,} rows written" if rows else "already there"
    print(f"Sample logs, {settings.dates[0]} to {settings.dates[-1]}: {written}", flush=True)
    return settings.dates
