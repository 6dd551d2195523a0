"""Scores the candidates of a date with the champion, or with a run of your choice.

It runs as soon as the features of a date are published, and scores the next date. You may also run it by hand for any
date if the day before it has features, or for several dates. Airflow's own backfill is only for DAGs that start by the
clock: to score earlier dates, click Trigger, and give the first and the last one.

1. `check_candidates` finds the dates, and skips the run if there are no candidates for them.
2. `score_candidates` checks the candidates, and joins them with the features known before the date begins.
3. `predict` scores and ranks them, and publishes the table `scores`. If there is no champion, it fails and says so.

Both stages need the pool `antm2c_heavy`. If Airflow warns that it does not exist, create it with 2 slots under Admin,
Pools, or run `python -m orchestration.pools`.
"""

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param

from orchestration.assets import FEATURES, SCORES
from orchestration.dag_defaults import MAX_REJECT_RATE, REJECT_ARGUMENTS, START, TAGS, TASK_DEFAULTS
from orchestration.pools import HEAVY_POOL
from orchestration.run_dates import SCORE
from orchestration.scoring_tasks import check_candidates, predict
from orchestration.spark_stages import spark_stage
from orchestration.training_operators import CommandOperator

first, last = (f"{{{{ ti.xcom_pull(task_ids='check_candidates')[{place}] }}}}" for place in (0, -1))

with DAG(
    SCORE,
    description="Candidates of one date to ranked click probabilities",
    schedule=list(FEATURES.values()),
    start_date=START,
    catchup=False,
    max_active_runs=1,  # two runs for the same date would do the same work twice
    default_args=TASK_DEFAULTS,
    tags=TAGS,
    doc_md=__doc__,
    params={
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description="The date to score, or the first of several. If empty, the day after the newest date with "
            "features.",
        ),
        "last_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Last date",
            description="Included. If empty, only one date is scored.",
        ),
        "run": Param(
            None,
            type=["null", "string"],
            minLength=1,
            title="Run",
            description="The folder of a finished run, or only its name. If empty, the champion.",
        ),
        "champion_then": Param(
            False,
            type="boolean",
            title="Champion of the time",
            description="If on, each date is scored by the run that was the champion when the date began, and not "
            "by the current champion.",
        ),
        "top": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Best candidates to keep",
            description="How many candidates of each user and scene to keep. If empty, all.",
        ),
        "max_reject_rate": MAX_REJECT_RATE,
    },
):
    checked = PythonOperator(
        task_id="check_candidates",
        python_callable=check_candidates,
        doc_md="Finds the dates to score. If they have no candidates, the run is skipped, and its note says so.",
    )
    scored = CommandOperator(
        task_id="predict",
        pool=HEAVY_POOL,
        python_callable=predict,
        op_kwargs={"dates": checked.output},
        outlets=[SCORES],
        doc_md="Scores the candidates, ranks them for each user and scene, and publishes the table `scores`.",
    )
    checked >> spark_stage("score_candidates", first, last, REJECT_ARGUMENTS) >> scored
