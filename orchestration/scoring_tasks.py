"""What the tasks of the scoring DAG call."""

import logging
from pathlib import Path
from typing import Any

from orchestration.assets import SCORES
from orchestration.task_failures import fail, failing_with_sentence, skip
from orchestration.training_command import RunCommand
from orchestration.training_tasks import locations
from training.tracking.champion import ALIAS
from training.tracking.champion_history import THEN
from training.window import in_ranges
from warehouse.calendar_days import days, days_before
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import CANDIDATES, FEATURES_ITEM, FEATURES_UI, FEATURES_USER

log = logging.getLogger(__name__)

_FEATURES = (FEATURES_USER, FEATURES_ITEM, FEATURES_UI)


def next_date(catalog: Catalog) -> str | None:
    """Return the day after the newest date whose features are all published, or None if there is none."""
    complete = set.intersection(*({*catalog.dates(table)} for table in _FEATURES))
    return days_before(max(complete), -1) if complete else None


@failing_with_sentence(log)
def check_candidates(params: dict[str, Any], ti: Any) -> list[str]:
    """Return the dates to score, ascending. Skips the run if there are no candidates for them, and says so.

    Fails if only some of several dates have candidates, or if the form contradicts itself.
    """
    settings = read_settings()
    catalog = Catalog(settings.warehouse, settings.dataset)
    first, last = params["date"] or next_date(catalog), params["last_date"]
    if params["run"] and params["champion_then"]:
        fail(log, "the form names a run and asks for the champion of the time: choose one of them")
    if last and not (params["date"] and params["date"] <= last):
        fail(log, f"{last} is the last date of a range: give its first date as Date, not after it")
    if first is None:
        skip(ti, "no date has features yet: run antm2c_etl_daily first")
    dates = days(first, last or first)
    missing = [date for date in dates if not catalog.files(CANDIDATES, date)]
    if missing:
        why = f"no candidates for {in_ranges(missing)}"
        if missing == dates:
            skip(ti, f"{why}: to score this date, put the files into {catalog.uri(CANDIDATES, missing[0])}")
        fail(log, f"{why}: put files into {catalog.uri(CANDIDATES, missing[0])}, or choose a range without such dates")
    return dates


def predict(dates: list[str], params: dict[str, Any], outlet_events: Any, run_command: RunCommand) -> str:
    """Score the candidates of consecutive dates, and describe the scores in the asset event.

    Returns the name of the run, that of the last date if there are several.
    """
    settings = read_settings()
    # A run may be given by its name alone.
    given = str(Path(settings.artifacts) / params["run"]) if params["run"] else None
    model = given or (THEN if params["champion_then"] else ALIAS)
    asked = {"tracking-uri": settings.tracking_uri, "model": model, "start-date": dates[0], "end-date": dates[-1]}
    top = {"top": str(params["top"])} if params["top"] else {}
    scored = run_command("predict", {**locations(), **asked, **top})
    published = scored["published"]
    outlet_events[SCORES].extra = {
        **published[-1],
        "date": in_ranges(dates),
        "rows": sum(line["rows"] for line in published),
    }
    return scored["run"]
