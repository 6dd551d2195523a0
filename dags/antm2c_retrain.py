"""A window of dates to evaluated models: trained on the days before, validated on the last, one task a model.

Runs each Monday as of Sunday, and by hand as of any date, as often as you like. Texts are embedded once for all models;
at the end the models stand side by side on the same validation rows. The best of them becomes the champion where it is
better than the present one on these rows and nowhere significantly worse.

Training needs the pool `antm2c_heavy`. If Airflow warns that it is missing, create it
with 2 slots under Admin, Pools, or run `python -m orchestration.pools`.
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param

from orchestration.assets import CHAMPION, MODELS
from orchestration.defaults import START, TAGS, TASK_DEFAULTS, date_template, weekly_utc
from orchestration.pools import HEAVY_POOL
from orchestration.promotion_tasks import PROMOTE, STORY, challenge, promote, track
from orchestration.telling import APPROVE, CHALLENGE, DECISION
from orchestration.training_operators import ChallengeOperator, CommandOperator, TrainingOperator, training_operator
from orchestration.training_tasks import check_window, compare, embed, newest_date, train
from training.model_names import MODEL_NAMES

with DAG(
    "antm2c_retrain",
    schedule=weekly_utc(),
    start_date=START,
    catchup=False,
    max_active_runs=4,  # one that waits for approval must not hold up the next
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
            description="The last validation day. Empty: by hand the newest date with a training table, "
            "on schedule the run's logical date.",
            section="Window",
        ),
        "train_days": Param(
            12,
            type="integer",
            minimum=1,
            title="Training days",
            description="Days to train on, right before those of validation.",
            section="Window",
        ),
        "val_days": Param(
            1,
            type="integer",
            minimum=1,
            title="Validation days",
            description="Days to validate on, the last of them the day above.",
            section="Window",
        ),
        "models": Param(
            ["dnn", "mmoe", "ple", "mmoe_content", "ple_content"],
            type="array",
            items={"type": "string", "enum": list(MODEL_NAMES)},
            examples=list(MODEL_NAMES),
            minItems=1,
            uniqueItems=True,
            title="Models",
            description="Those whose names end in _content see texts. The others are tested against the first.",
            section="Models",
        ),
        "text_encoder": Param(
            "auto",
            type="string",
            minLength=1,
            examples=["auto", "lsa", "m3e-base", "bert-base-chinese"],
            title="Text encoder",
            description="auto takes m3e-base where it is in the local model cache, else lsa. "
            "Another hub name or a local folder will do too.",
            section="Models",
        ),
        "epochs": Param(
            8,
            type="integer",
            minimum=1,
            title="Epochs at most",
            description="Training ends earlier where the validation log loss gets no better.",
            section="Training",
        ),
        "batch_size": Param(
            1024, type="integer", minimum=1, title="Batch size", description="Rows a step.", section="Training"
        ),
        "seed": Param(
            7,
            type="integer",
            minimum=0,
            maximum=2**32 - 1,
            title="Seed",
            description="Of everything drawn: the same seed and tables give the same model.",
            section="Training",
        ),
        "require_approval": Param(
            False,
            type="boolean",
            title="A person decides on the champion",
            description="A run that should become the champion waits for an answer under Required Actions.",
            section="Promotion",
        ),
        "notes": Param(
            None,
            type=["null", "string"],
            maxLength=500,
            title="Notes",
            description="What this run is for. Kept in each run's folder and report.",
            section="Notes",
        ),
    },
):
    newest = "(newest_date() if dag_run.run_type == 'manual' else none)"
    window = PythonOperator(
        task_id="check_window",
        python_callable=check_window,
        op_kwargs={"as_of": date_template("as_of", unless=newest)},
        doc_md="Every date of the window must be published and fresh. Names those that are not, and how to mend them.",
    )
    command, training, challenging = map(training_operator, (CommandOperator, TrainingOperator, ChallengeOperator))
    embedded = command(
        task_id="embed",
        python_callable=embed,
        op_kwargs={"as_of": "{{ ti.xcom_pull(task_ids='check_window')[0].as_of }}"},  # a newer date may come meanwhile
        doc_md="Embeds each distinct text of the window once. What an earlier run embedded is not embedded again.",
    )
    trained = training.partial(
        task_id="train",
        pool=HEAVY_POOL,
        python_callable=train,
        outlets=[MODELS],
        map_index_template="{{ task.op_kwargs.model }}",
        doc_md="Trains one model and evaluates it, cold start included. A retry goes on from the last checkpoint.",
    ).expand(op_kwargs=window.output)
    runs = {"runs": trained.output}
    compared = command(
        task_id="compare",
        python_callable=compare,
        op_kwargs=runs,
        doc_md="All models on the same validation rows, with paired DeLong tests against the first.",
    )
    tracked = command(
        task_id="track",
        python_callable=track,
        op_kwargs=runs,
        trigger_rule="all_done_min_one_success",
        doc_md="Parameters, metrics by segment and files of each run in MLflow. A run that is there is not kept twice.",
    )
    challenged = challenging(
        task_id=CHALLENGE,
        python_callable=challenge,
        op_kwargs=runs,
        doc_md="The best run against the champion on the same rows, overall and by segment. Its log says who wins why.",
    )
    pulled = f"ti.xcom_pull(task_ids='{CHALLENGE}', key='{{}}')"
    approved = ApprovalOperator(
        task_id=APPROVE,
        subject=f"New champion? {{{{ {pulled.format(DECISION)}.challenger.rpartition('/artifacts_')[2] }}}}",
        body=f"{{{{ {pulled.format(STORY)} }}}}",
        defaults="Reject",
        response_timeout=timedelta(days=7),
        execution_timeout=None,
        doc_md="Waits for a person where the form asked for it. After a week without an answer the champion stays.",
    )
    promoted = command(
        task_id=PROMOTE,
        python_callable=promote,
        outlets=[CHAMPION],
        trigger_rule="none_failed_min_one_success",
        doc_md="Moves the alias `champion` of MLflow's registered model to the challenger.",
    )
    window >> embedded >> trained >> [compared, tracked] >> challenged >> approved >> promoted
    challenged >> promoted
