"""The stages of the daily DAG over a range of dates, one Spark session a stage: for a first load or a long backfill.

Its stages need the pool `antm2c_heavy`. If Airflow warns that it is missing, create it
with 2 slots under Admin, Pools, or run `python -m orchestration.pools`.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from orchestration.defaults import MAX_REJECT_RATE, REJECT_ARGUMENTS, START, TAGS, TASK_DEFAULTS
from orchestration.spark_tasks import spark_stage

dates = ["--start-date", "{{ params.start_date }}", "--end-date", "{{ params.end_date }}"]

with DAG(
    "antm2c_etl_history",
    schedule=None,
    start_date=START,
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, "execution_timeout": timedelta(hours=24)},
    tags=TAGS,
    doc_md=__doc__,
    params={
        "start_date": Param(type="string", format="date", title="First date", description="Inclusive."),
        "end_date": Param(type="string", format="date", title="Last date", description="Inclusive."),
        "max_reject_rate": MAX_REJECT_RATE,
    },
):
    logs = spark_stage("csv_to_orc", [*dates, *REJECT_ARGUMENTS])
    features = [spark_stage(s, dates) for s in ("user_features", "item_features", "user_item_features")]
    logs >> features >> spark_stage("training_table", dates)
