"""The Spark stages as Airflow tasks."""

import sys
from collections.abc import Sequence
from typing import Any

from orchestration.assets import FEATURES, TRAINING_TABLE, describe_training_table
from orchestration.pools import HEAVY_POOL
from orchestration.spark_stage_operator import SparkStageOperator
from warehouse.settings import REPOSITORY, read_settings

_DOCS = {
    "csv_to_orc": "Converts raw CSV to typed ORC by scene. Writes invalid rows to `rejects`, each with a reason.",
    "user_features": "Impressions, clicks and CTR of each user: on the day, over seven days, over all days, by scene.",
    "item_features": "Impressions, clicks and CTR of each item: on the day, over seven days, over all days, by scene.",
    "user_item_features": "How often each user-item pair of the date was shown and clicked on all earlier days.",
    "user_sequences": "The last impressions of each user before the date: item, scene, whether clicked, and day.",
    "training_table": "Joins every impression of the date with the features that were known before the date began.",
    "score_candidates": "Joins every valid candidate of the date with the features that are known before it begins.",
}
_HOW_TO_RERUN = "To run this stage again, clear this task and those after it. The tasks before it need not run again."


def spark_stage(
    stage: str, first_date: str, last_date: str | None = None, options: Sequence[str] = ()
) -> SparkStageOperator:
    """Return a task that runs one stage for one date, or for a range if last_date is given. Dates may be templates."""
    settings = read_settings()
    dates = ["--date", first_date] if last_date is None else ["--start-date", first_date, "--end-date", last_date]
    publishes: dict[str, dict[str, Any]] = {name: {"outlets": [asset]} for name, asset in FEATURES.items()}
    publishes["training_table"] = {"outlets": [TRAINING_TABLE], "post_execute": describe_training_table}
    return SparkStageOperator(
        task_id=stage,
        first_date=first_date,
        last_date=last_date or first_date,
        pool=HEAVY_POOL,
        conn_id="spark_default",
        application=str(REPOSITORY / "spark_jobs" / f"{stage}.py"),
        name=f"antm2c {stage}",
        application_args=["--warehouse", settings.warehouse, "--dataset", settings.dataset, *dates, *options],
        deploy_mode="client",
        durable=False,  # a durable task that is cleared after success would submit nothing
        env_vars={"SPARK_CONF_DIR": str(REPOSITORY / "conf"), "PYSPARK_PYTHON": sys.executable},
        doc_md=f"{_DOCS[stage]}\n\n{_HOW_TO_RERUN}",
        **publishes.get(stage, {}),
    )
