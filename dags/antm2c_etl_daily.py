"""One logical date: raw CSV to the training table.

Backfill dates in any number, with as many active runs: a date waits until the features of the date before it are
there. To mend a failed stage, clear it with what comes after it. A scheduled date whose raw logs are late is waited
for; one that never gets any is skipped.

Its stages need the pool `antm2c_heavy`. If Airflow warns that it is missing, create it
with 2 slots under Admin, Pools, or run `python -m orchestration.pools`.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from orchestration.defaults import (
    MAX_REJECT_RATE,
    REJECT_ARGUMENTS,
    START,
    TAGS,
    TASK_DEFAULTS,
    daily_utc,
    date_template,
)
from orchestration.spark_tasks import spark_stage
from orchestration.waiting import WaitForHistory, WaitForRaw
from warehouse.settings import read_settings

settings = read_settings()
day = date_template("run_date")

with DAG(
    "antm2c_etl_daily",
    schedule=daily_utc(),
    start_date=START,
    catchup=False,
    max_active_runs=16,  # a date that waits holds a run: with one, the date it waits for could not be run again
    default_args=TASK_DEFAULTS,
    tags=TAGS,
    doc_md=__doc__,
    params={
        "run_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description="The partition to build. Empty: the run's logical date.",
        ),
        "max_reject_rate": MAX_REJECT_RATE,
    },
):
    place = {"warehouse": settings.warehouse, "dataset": settings.dataset, "day": day}
    raw = WaitForRaw(
        task_id="wait_for_raw",
        **place,
        at_most=timedelta(hours=6),
        execution_timeout=None,
        doc_md="A scheduled date without raw logs is waited for, then skipped. Another run without them fails at once.",
    )
    logs = spark_stage("csv_to_orc", ["--date", day, *REJECT_ARGUMENTS])
    history = WaitForHistory(
        task_id="wait_for_history",
        **place,
        at_most=timedelta(hours=12),
        execution_timeout=None,
        doc_md="Holds this date until the date before is published and fresh. Its log says what is lacking.",
    )
    features = [spark_stage(s, ["--date", day]) for s in ("user_features", "item_features", "user_item_features")]
    raw >> logs >> history >> features >> spark_stage("training_table", ["--date", day])
