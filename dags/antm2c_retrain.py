"""Trains models on a window of dates, evaluates them on the last of these dates, and promotes the best one.

It runs every Monday, for dates up to Sunday. You may also run it by hand, up to any date and as often as you like.

1. The texts of the window are embedded once for all models.
2. Each model is trained and evaluated by a task of its own.
3. All models are compared on the same validation rows and recorded in MLflow.
   A model whose training failed is left out and named.
4. The best model becomes the champion if it beats the current champion on these rows and is not significantly worse in
   any scene or at any cold-start level.

Training needs the pool `antm2c_heavy`. If Airflow warns that it does not exist, create it with 2 slots under Admin,
Pools, or run `python -m orchestration.pools`.
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param

from orchestration.assets import CHAMPION, MODELS
from orchestration.dag_defaults import START, TAGS, TASK_DEFAULTS, weekly_utc
from orchestration.pools import HEAVY_POOL
from orchestration.promotion_tasks import PROMOTE, challenge, promote, track
from orchestration.run_dates import RETRAIN
from orchestration.task_messages import APPROVE, CHALLENGE
from orchestration.training_operators import CommandOperator, DecidingOperator, TrainingOperator
from orchestration.training_tasks import check_window, compare, embed, newest_date, train
from training.model_names import MODEL_NAMES

WHAT_TRAINED = "all_done_min_one_success"  # a model that failed must not stop the others

with DAG(
    RETRAIN,
    description="Trains and compares models, and chooses the champion",
    schedule=weekly_utc(),
    start_date=START,
    catchup=False,
    max_active_runs=4,  # a run that waits for approval must not block the next one
    default_args=TASK_DEFAULTS,
    tags=TAGS,
    doc_md=__doc__,
    user_defined_macros={"newest_date": newest_date},
    params={
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As of",
            description="The last validation day. If empty, a run by hand takes the newest date that has a training "
            "table, and a scheduled run takes its logical date.",
        ),
        "train_days": Param(
            12,
            type="integer",
            minimum=2,
            title="Training days",
            description="How many days to train on, at most. They come right before the validation days. Days before "
            "the first logs are left out.",
        ),
        "val_days": Param(
            1,
            type="integer",
            minimum=1,
            title="Validation days",
            description="How many days to validate on. The last one is the as-of date.",
        ),
        "models": Param(
            ["dnn", "gbdt", "mmoe", "ple", "mmoe_content", "ple_content"],
            type="array",
            items={"type": "string", "enum": list(MODEL_NAMES)},
            examples=list(MODEL_NAMES),
            minItems=1,
            uniqueItems=True,
            title="Models",
            description="Models named ..._text and ..._content also read the texts, and those with din in their names "
            "the last impressions of each user. All models are compared with the first one.",
        ),
        "text_encoder": Param(
            "auto",
            type="string",
            minLength=1,
            examples=["auto", "lsa", "m3e-base", "bert-base-chinese"],
            title="Text encoder",
            description="auto takes m3e-base if it is in the local model cache, otherwise lsa. You may also name "
            "another model of the Hugging Face hub or a local folder.",
        ),
        "epochs": Param(
            8,
            type="integer",
            minimum=1,
            title="Maximum epochs",
            description="Training stops earlier when the log loss on the last training day no longer improves.",
        ),
        "batch_size": Param(1024, type="integer", minimum=1, title="Batch size", description="Rows per step."),
        "seed": Param(
            7,
            type="integer",
            minimum=0,
            maximum=2**32 - 1,
            title="Seed",
            description="Fixes every random choice: the same seed and the same tables give the same model.",
        ),
        "require_approval": Param(
            False,
            type="boolean",
            title="Ask a person before promoting",
            description="If ticked, a model that should become the champion waits until a person approves it under "
            "Required Actions.",
        ),
        "notes": Param(
            None,
            type=["null", "string"],
            maxLength=500,
            title="Notes",
            description="What this run is for. The notes are kept in the folder and the report of each model.",
        ),
    },
):
    as_of = (
        "{{ params.as_of or (newest_date() if dag_run.run_type == 'manual' else none)"
        " or ((dag_run.logical_date or dag_run.run_after) | ds) }}"
    )
    window = PythonOperator(
        task_id="check_window",
        python_callable=check_window,
        op_kwargs={"as_of": as_of},
        doc_md="Checks that the window's training tables are fresh. If not, says which dates to run again, and how.",
    )
    embedded = CommandOperator(
        task_id="embed",
        python_callable=embed,
        # Not the form's answers: other dates may have been published since the window was checked.
        op_kwargs={
            name: f"{{{{ ti.xcom_pull(task_ids='check_window')[0].request.{name} }}}}"
            for name in ("as_of", "train_days")
        },
        doc_md="Embeds each distinct text of the window once. Embeddings of earlier runs are reused.",
    )
    trained = TrainingOperator.partial(
        task_id="train",
        pool=HEAVY_POOL,
        python_callable=train,
        outlets=[MODELS],
        map_index_template="{{ task.op_kwargs.request.model }}",
        doc_md="Trains and evaluates one model. A retry resumes from the last checkpoint.",
    ).expand(op_kwargs=window.output)
    runs = {"runs": trained.output}
    compared = CommandOperator(
        task_id="compare",
        python_callable=compare,
        op_kwargs=runs,
        trigger_rule=WHAT_TRAINED,
        doc_md="Compares all models on the same validation rows, with paired DeLong tests against the first model.",
    )
    tracked = CommandOperator(
        task_id="track",
        python_callable=track,
        op_kwargs=runs,
        trigger_rule=WHAT_TRAINED,
        doc_md="Records the parameters, metrics and files of each run in MLflow, unless they are already there.",
    )
    challenged = DecidingOperator(
        task_id=CHALLENGE,
        python_callable=challenge,
        op_kwargs=runs,
        trigger_rule=WHAT_TRAINED,
        doc_md="Tests the best run against the champion on the same rows, overall and by segment. The log says why.",
    )
    approved = ApprovalOperator(
        task_id=APPROVE,
        subject="New champion? "
        "{{ ti.xcom_pull(task_ids='challenge', key='decision').challenger.rpartition('/artifacts_')[2] }}",
        body="{{ ti.xcom_pull(task_ids='challenge', key='decision_text') }}",
        defaults="Reject",
        response_timeout=timedelta(days=7),
        execution_timeout=None,
        doc_md="Waits for a person, if the form asked for one. After a week without an answer the champion stays.",
    )
    promoted = CommandOperator(
        task_id=PROMOTE,
        python_callable=promote,
        outlets=[CHAMPION],
        trigger_rule="none_failed_min_one_success",
        doc_md="Moves the alias `champion` of the registered model in MLflow to the challenger.",
    )
    window >> embedded >> trained >> [compared, tracked] >> challenged >> approved >> promoted
    challenged >> promoted
