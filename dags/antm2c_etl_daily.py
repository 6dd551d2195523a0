"""Turns the raw CSV logs of one date into features and a training table.

**Names.** A run is named after the midnight at which it is due, a day after its partition. The run's note begins with
the partition's date.

**Backfill.** You may backfill any number of dates with any number of active runs. Each date needs the features of the
date before it, and waits while another run is computing them. If no run is, its task `wait_for_history` fails, and
Airflow clears it when the date before it is published.

**Failed stage.** Clear the failed task together with the tasks after it. Later dates then go on by themselves.

**Late logs.** A scheduled run waits six hours for its raw logs and is skipped if they do not arrive. Backfills and runs
by hand do not wait: they fail if there are no raw logs.

The Spark stages need the pool `antm2c_heavy`. If Airflow warns that it does not exist, create it with 2 slots under
Admin, Pools, or run `python -m orchestration.pools`.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from orchestration.dag_defaults import MAX_REJECT_RATE, REJECT_ARGUMENTS, START, TAGS, TASK_DEFAULTS, daily_utc
from orchestration.date_waits import WaitForHistory, WaitForRaw
from orchestration.run_dates import DAILY, day_of
from orchestration.spark_stages import spark_stage
from spark_jobs import FEATURE_STAGES
from warehouse.settings import read_settings

settings = read_settings()
day = "{{ day_of(dag_run) }}"

with DAG(
    DAILY,
    description="Raw logs of one date to features and a training table",
    schedule=daily_utc(),
    start_date=START,
    catchup=False,
    max_active_runs=16,  # a scheduled run that waits for its raw logs is active for hours
    default_args=TASK_DEFAULTS,
    tags=TAGS,
    doc_md=__doc__,
    user_defined_macros={"day_of": day_of},
    params={
        "run_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description="The date to process in a single run. If empty, the run's logical date is used. Leave it empty "
            "in a backfill.",
        ),
        "max_reject_rate": MAX_REJECT_RATE,
    },
):
    partition = {"warehouse": settings.warehouse, "dataset": settings.dataset, "day": day}
    raw = WaitForRaw(
        task_id="wait_for_raw",
        **partition,
        max_wait=timedelta(hours=6),
        execution_timeout=None,
        doc_md="Waits for raw logs in a scheduled run, which is skipped if none arrive. Other runs fail without them.",
    )
    logs = spark_stage("csv_to_orc", day, options=REJECT_ARGUMENTS)
    history = WaitForHistory(
        task_id="wait_for_history",
        **partition,
        max_wait=timedelta(hours=12),
        execution_timeout=None,
        doc_md="Waits while another run is computing the tables of the date before. If no run is, and tables are "
        "missing or stale, it fails and names them. Airflow clears it when they are published.",
    )
    features = [spark_stage(stage, day) for stage in FEATURE_STAGES]
    raw >> logs >> history >> features >> spark_stage("training_table", day)
