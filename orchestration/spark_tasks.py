"""One factory for all Spark tasks."""

import sys
from typing import Any

from orchestration.assets import TRAINING_TABLE, describe_training_table
from orchestration.pools import HEAVY_POOL
from orchestration.spark_stage_operator import SparkStageOperator
from warehouse.settings import REPOSITORY, read_settings

_DOCS = {
    "csv_to_orc": "Raw CSV to typed ORC by scene. Rows that are not valid go to `rejects` with a reason.",
    "user_features": "Counters and click rates of users: the day, seven calendar days, all days, by scene.",
    "item_features": "Counters and click rates of items: the day, seven calendar days, all days, by scene.",
    "user_item_features": "How often each user-item pair of the date was shown and clicked on all days before.",
    "training_table": "Every impression once, joined with the features known before its date began.",
}
_TABLE: dict[str, Any] = {"outlets": [TRAINING_TABLE], "post_execute": describe_training_table}
_REPAIR = "Publishing is atomic: clear this task with what comes after it, the stages before it need not run again."


def spark_stage(stage: str, dates: list[str]) -> SparkStageOperator:
    """A task that submits one stage. `dates` are its date arguments, templated."""
    settings = read_settings()
    return SparkStageOperator(
        task_id=stage,
        pool=HEAVY_POOL,
        conn_id="spark_default",
        application=str(REPOSITORY / "spark_jobs" / f"{stage}.py"),
        name=f"antm2c {stage}",
        application_args=["--warehouse", settings.warehouse, "--dataset", settings.dataset, *dates],
        deploy_mode="client",
        durable=False,  # a durable task that is cleared after success would submit nothing
        env_vars={"SPARK_CONF_DIR": str(REPOSITORY / "conf"), "PYSPARK_PYTHON": sys.executable},
        doc_md=f"{_DOCS[stage]}\n\n{_REPAIR}",
        **(_TABLE if stage == "training_table" else {}),
    )
