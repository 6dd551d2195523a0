"""The Airflow assets that the DAGs publish. Each asset event says what was published."""

from typing import Any

from airflow.sdk import Asset

from spark_jobs import FEATURE_STAGES
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import LOGS, TRAIN

TRAINING_TABLE = Asset(f"antm2c_training_table_{read_settings().dataset}")
FEATURES = {stage: Asset(f"antm2c_{stage}_{read_settings().dataset}") for stage in FEATURE_STAGES}
MODELS = Asset(f"antm2c_models_{read_settings().dataset}")
CHAMPION = Asset(f"antm2c_champion_{read_settings().dataset}")
SCORES = Asset(f"antm2c_scores_{read_settings().dataset}")
WATCH = Asset(f"antm2c_watch_{read_settings().dataset}")


def describe_training_table(context: Any, _: Any = None) -> None:
    """Add the rows, rejects and version that a training_table task has published to its asset event.

    Never raises: the table is published, so the task must succeed.
    """
    task, settings = context["task"], read_settings()
    try:
        summary = published(Catalog(settings.warehouse, settings.dataset), task.first_date, task.last_date)
        context["outlet_events"][TRAINING_TABLE].extra = summary
    except Exception:
        task.log.exception("The training table is published, but its asset event could not be filled in")


def published(catalog: Catalog, first: str, last: str) -> dict[str, Any]:
    """Sum up the rows and rejects of the dates from first to last, and add the version of the last training table."""
    tables = [manifest for day in days(first, last) if (manifest := catalog.manifest(TRAIN, day))]
    logs = [manifest for day in days(first, last) if (manifest := catalog.manifest(LOGS, day))]
    return {
        "dates": first if first == last else f"{first} to {last}",
        "rows": sum(manifest.rows for manifest in tables),
        "rejects": sum(sum(manifest.rejects.values()) for manifest in logs),
        "version": tables[-1].version if tables else None,
    }
