"""Run all stages for one small date of sample logs in one session, to load the classes for the archive."""

import sys
from importlib import import_module

from sample_logs.settings import PRESETS
from sample_logs.writing import Writer
from spark_jobs import STAGES
from spark_jobs.common.session import spark_session
from warehouse.catalog import Catalog

_ROWS = 2000


def main(warehouse: str) -> None:
    """Write sample logs and all tables to the warehouse at this URI."""
    catalog = Catalog(warehouse, "typical")
    settings = PRESETS["demo"].resized(_ROWS, days=1)
    Writer(catalog, settings).write(0)
    arguments = ["--warehouse", warehouse, "--dataset", catalog.dataset, "--date", settings.start_date]
    with spark_session("class archive"):
        for stage in STAGES:
            import_module(f"spark_jobs.{stage}").main(arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
