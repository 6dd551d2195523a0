"""All stages over one small date in one session, on sample logs: what the class archive is made of."""

import sys
from importlib import import_module

from sample_logs.settings import PRESETS
from sample_logs.writing import Writer
from spark_jobs.common.session import spark_session
from warehouse.catalog import Catalog

_STAGES = ("csv_to_orc", "user_features", "item_features", "user_item_features", "training_table")
_ROWS = 2000


def main(warehouse: str) -> None:
    """Writes a warehouse at the URI."""
    catalog = Catalog(warehouse, "typical")
    settings = PRESETS["demo"].resized(_ROWS, days=1)
    Writer(catalog, settings).write(0)
    place = ["--warehouse", warehouse, "--dataset", catalog.dataset, "--date", settings.start_date]
    with spark_session("class archive"):
        for stage in _STAGES:
            import_module(f"spark_jobs.{stage}").main(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
