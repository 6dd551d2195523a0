"""Runs the stages of `antm2c_etl_daily` over a range of dates, with one Spark session for each stage.

Use it for the first load and for long backfills: it is faster than one daily run for each date.

The Spark stages need the pool `antm2c_heavy`. If Airflow warns that it does not exist, create it with 2 slots under
Admin, Pools, or run `python -m orchestration.pools`.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from orchestration.dag_defaults import MAX_REJECT_RATE, REJECT_ARGUMENTS, START, TAGS, TASK_DEFAULTS
from orchestration.run_dates import HISTORY
from orchestration.spark_stages import spark_stage
from spark_jobs import FEATURE_STAGES

first, last = "{{ params.start_date }}", "{{ params.end_date }}"

with DAG(
    HISTORY,
    description="Raw logs of a range of dates to features and training tables",
    schedule=None,
    start_date=START,
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, "execution_timeout": timedelta(hours=24)},
    tags=TAGS,
    doc_md=__doc__,
    params={
        "start_date": Param(type="string", format="date", title="First date", description="Included."),
        "end_date": Param(type="string", format="date", title="Last date", description="Included."),
        "max_reject_rate": MAX_REJECT_RATE,
    },
):
    logs = spark_stage("csv_to_orc", first, last, REJECT_ARGUMENTS)
    features = [spark_stage(stage, first, last) for stage in FEATURE_STAGES]
    logs >> features >> spark_stage("training_table", first, last)
