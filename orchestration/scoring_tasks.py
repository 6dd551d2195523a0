"""What the tasks of the scoring DAG call."""

from pathlib import Path
from typing import Any

from orchestration.assets import SCORES
from orchestration.task_failures import skip
from orchestration.training_command import RunCommand
from orchestration.training_tasks import locations
from training.tracking.champion import ALIAS
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import CANDIDATES, FEATURES_ITEM, FEATURES_UI, FEATURES_USER

_FEATURES = (FEATURES_USER, FEATURES_ITEM, FEATURES_UI)


def next_date(catalog: Catalog) -> str | None:
    """Return the day after the newest date whose features are all published, or None if there is none."""
    complete = set.intersection(*({*catalog.dates(table)} for table in _FEATURES))
    return days_before(max(complete), -1) if complete else None


def check_candidates(params: dict[str, Any], ti: Any) -> str:
    """Return the date to score. Skips the run if there are no candidates for it, and says so."""
    settings = read_settings()
    catalog = Catalog(settings.warehouse, settings.dataset)
    date = params["date"] or next_date(catalog)
    if date is None:
        skip(ti, "no date has features yet: run antm2c_etl_daily first")
    if not catalog.files(CANDIDATES, date):
        skip(ti, f"no candidates for {date}: to score this date, put the files into {catalog.uri(CANDIDATES, date)}")
    return date


def predict(date: str, params: dict[str, Any], outlet_events: Any, run_command: RunCommand) -> str:
    """Score the date's candidates, describe the scores in the asset event, and return the name of the run."""
    settings = read_settings()
    # A run may be given by its name alone.
    model = str(Path(settings.artifacts) / params["run"]) if params["run"] else ALIAS
    arguments = {**locations(), "tracking-uri": settings.tracking_uri, "model": model, "date": date}
    if params["top"]:
        arguments["top"] = str(params["top"])
    scored = run_command("predict", arguments)
    outlet_events[SCORES].extra = {"run": scored["run"], "champion": scored["version"], **scored["published"][0]}
    return scored["run"]
