"""What the DAGs publish, as Airflow assets. Each event says what was published, so that no log need be opened."""

from typing import Any

from airflow.sdk import Asset

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import LOGS, TRAIN

TRAINING_TABLE = Asset(f"antm2c_training_table_{read_settings().dataset}")
MODELS = Asset(f"antm2c_models_{read_settings().dataset}")
CHAMPION = Asset(f"antm2c_champion_{read_settings().dataset}")


def describe_training_table(context: Any, _: Any = None) -> None:
    """Called after the training_table stage: rows, rejects and version of its dates go into the asset's event."""
    arguments = context["task"].application_args
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    first, last = (given.get(bound) or given["--date"] for bound in ("--start-date", "--end-date"))
    catalog = Catalog(given["--warehouse"], given["--dataset"])
    context["outlet_events"][TRAINING_TABLE].extra = published(catalog, first, last)


def published(catalog: Catalog, first: str, last: str) -> dict[str, Any]:
    """Rows and rejects of the training tables from first to last, and the version of the last."""
    tables = [manifest for day in days(first, last) if (manifest := catalog.manifest(TRAIN, day))]
    logs = [manifest for day in days(first, last) if (manifest := catalog.manifest(LOGS, day))]
    return {
        "dates": first if first == last else f"{first} to {last}",
        "rows": sum(manifest.rows for manifest in tables),
        "rejects": sum(sum(manifest.rejects.values()) for manifest in logs),
        "version": tables[-1].version if tables else None,
    }
