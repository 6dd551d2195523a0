"""Compares the champion's scores of a date with the clicks of that date, and warns if it has become worse.

It runs as soon as the training table of a date is published. You may also run it by hand for any date that has one.

1. `find_dates` finds the dates. It skips the run if their clicks are not known.
2. `watch` publishes the table `watch`. If no candidates of the date were scored, the champion before the date scores
   its impressions. If there was no champion, the run is skipped. If the champion is worse than when it was chosen, the
   task logs a warning, and the run's note begins with it; the task does not fail.
3. `retrain` starts `antm2c_retrain` on a warning about the present champion, if the form or ANTM2C_RETRAIN_ON_WARNING
   says so: once for each champion, so it is skipped on later warnings.

The watch needs the pool `antm2c_heavy`. If Airflow warns that it does not exist, create it with 2 slots under Admin,
Pools, or run `python -m orchestration.pools`.
"""

from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param

from orchestration.assets import TRAINING_TABLE
from orchestration.assets import WATCH as WATCH_TABLE
from orchestration.dag_defaults import START, TAGS, TASK_DEFAULTS
from orchestration.pools import HEAVY_POOL
from orchestration.run_dates import RETRAIN, WATCH
from orchestration.training_operators import DecidingOperator
from orchestration.watch_tasks import RETRAINING, WARNED_ABOUT, find_dates, watch
from warehouse.settings import read_settings

with DAG(
    WATCH,
    description="Yesterday's scores against yesterday's clicks: does the champion fade?",
    schedule=[TRAINING_TABLE],
    start_date=START,
    catchup=False,
    max_active_runs=1,  # a date is judged by the dates before it
    default_args=TASK_DEFAULTS,
    tags=TAGS,
    doc_md=__doc__,
    params={
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description="The date to watch. If empty, the newest date that has a training table.",
        ),
        "retrain": Param(
            read_settings().retrain_on_warning,
            type="boolean",
            title="Retrain on a warning",
            description="If on, a warning starts a retraining, once for each champion.",
        ),
    },
):
    found = PythonOperator(
        task_id="find_dates",
        python_callable=find_dates,
        doc_md="Finds the dates to watch. If their clicks are not known, the run is skipped, and its note says so.",
    )
    watched = DecidingOperator(
        task_id="watch",
        pool=HEAVY_POOL,
        python_callable=watch,
        op_kwargs={"dates": found.output},
        outlets=[WATCH_TABLE],
        doc_md="Compares the champion's scores with the clicks, publishes the table `watch`, and warns if it is worse.",
    )
    retrained = TriggerDagRunOperator(
        task_id=RETRAINING,
        trigger_dag_id=RETRAIN,
        trigger_run_id=f"warning_about_{{{{ ti.xcom_pull(task_ids='watch', key='{WARNED_ABOUT}') }}}}",
        skip_when_already_exists=True,
        conf={
            "as_of": "{{ ti.xcom_pull(task_ids='find_dates')[-1] }}",
            "notes": "The watch has warned: the champion is worse than when it was chosen.",
        },
        doc_md="Starts a retraining if the watch has warned of the present champion, once for each champion.",
    )
    found >> watched >> retrained
