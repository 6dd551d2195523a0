"""What the tasks of the watching DAG call."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from orchestration.assets import WATCH
from orchestration.task_failures import fail, skip, wrapped
from orchestration.training_command import RunCommand
from orchestration.training_tasks import locations, newest_date
from training.errors import TrainingError
from training.tracking.champion import champion_of
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import TRAIN

log = logging.getLogger(__name__)

RETRAINING = "retrain"


def find_dates(params: dict[str, Any], triggering_asset_events: Mapping[Any, Iterable[Any]], ti: Any) -> list[str]:
    """Return the first and the last date to watch. Skips the run if there is no champion, or no logs, and says so.

    These are the date of the form, or those whose training tables have just been published, or the newest one.
    """
    published = [
        date
        for events in triggering_asset_events.values()
        for event in events
        for date in (event.extra or {}).get("dates", "").split(" to ")
        if date
    ]
    dates = [params["date"]] if params["date"] else published or [newest_date()]
    settings = read_settings()
    catalog = Catalog(settings.warehouse, settings.dataset)
    if None in dates:
        skip(ti, "no date has a training table yet: run antm2c_etl_daily first")
    if params["date"] and catalog.manifest(TRAIN, params["date"]) is None:
        skip(ti, f"no clicks of {params['date']} are known: run antm2c_etl_daily for this date first")
    try:
        champion = champion_of(settings.tracking_uri, settings.dataset)
    except TrainingError as error:
        fail(log, str(error), error.may_pass)
    if champion is None:  # found here and not by the command, which takes a slot of the pool
        skip(ti, f"dataset {settings.dataset} has no champion yet: run antm2c_retrain")
    return [min(dates), max(dates)]


def watch(dates: list[str], params: dict[str, Any], ti: Any, outlet_events: Any, run_command: RunCommand) -> list[str]:
    """Watch the dates, describe the last one in the asset event, and return the task to run next, if any.

    This is the retraining, if the form asks for it and one of the dates is the first with a warning. A warning does not
    fail the task. Skips the run if there was no champion before these dates, and says so.
    """
    settings = read_settings()
    first, last = dates
    place = {**locations(), "tracking-uri": settings.tracking_uri}
    watched = run_command("watch", {**place, "start-date": first, "end-date": last})
    published = watched["published"]
    if not published:
        skip(ti, watched["skipped"][-1]["why"])
    newest = published[-1]
    if newest["warned_on"]:
        log.warning(wrapped(f"{newest['date']}: {newest['says']}"))
    outlet_events[WATCH].extra = {
        "watched": first if first == last else f"{first} to {last}",
        **{
            name: newest[name] for name in ("rows", "auc", "auc_low", "auc_high", "run", "version", "warned_on", "says")
        },
    }
    newly_warned = newest["warned_on"] in [line["date"] for line in published]
    return [RETRAINING] if params["retrain"] and newly_warned else []
