"""What the tasks of the watching DAG call."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from orchestration.assets import WATCH
from orchestration.task_failures import failing_with_sentence, skip, wrapped
from orchestration.training_command import RunCommand
from orchestration.training_tasks import locations
from training.tracking.champion import champion_of
from training.window import in_ranges, ranges
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import TRAIN

log = logging.getLogger(__name__)

RETRAINING = "retrain"
WARNED_ABOUT = "warned_about"  # the key in XCom of the champion that a warning is about


@failing_with_sentence(log)
def find_dates(params: dict[str, Any], triggering_asset_events: Mapping[Any, Iterable[Any]], ti: Any) -> list[str]:
    """Return the dates to watch, ascending. Skips the run if there is no champion, or no logs, and says so.

    These are the date of the form, or those whose training tables have just been published, or the newest one.
    """
    settings = read_settings()
    dates = _with_clicks(Catalog(settings.warehouse, settings.dataset), params, triggering_asset_events, ti)
    # Found here and not by the command, which takes a slot of the pool.
    if champion_of(settings.tracking_uri, settings.dataset) is None:
        skip(ti, f"dataset {settings.dataset} has no champion yet: run antm2c_retrain")
    return dates


def _with_clicks(
    catalog: Catalog, params: dict[str, Any], triggering_asset_events: Mapping[Any, Iterable[Any]], ti: Any
) -> list[str]:
    """Return those of the wanted dates that have a training table, ascending. Skips the run if there is none."""
    with_clicks = catalog.dates(TRAIN)
    published = [date for events in triggering_asset_events.values() for event in events for date in _dates(event)]
    wanted = sorted({params["date"]} if params["date"] else {*published} or {*with_clicks[-1:]})
    if not wanted:
        skip(ti, "no date has a training table yet: run antm2c_etl_daily first")
    # The range of a backfill has days without logs, and between the dates of two events may lie many others.
    dates = [date for date in wanted if date in with_clicks]
    if not dates:
        skip(ti, f"no clicks of {in_ranges(wanted)} are known: run antm2c_etl_daily for this date first")
    return dates


def _dates(event: Any) -> list[str]:
    """Return the dates of an asset event, which has them as `first to last` or as one date."""
    ends = (event.extra or {}).get("dates", "").split(" to ")
    return days(ends[0], ends[-1]) if ends[0] else []


@failing_with_sentence(log)
def watch(dates: list[str], params: dict[str, Any], ti: Any, outlet_events: Any, run_command: RunCommand) -> list[str]:
    """Watch the dates, describe the last one in the asset event, and return the task to run next, if any.

    This is the retraining, if the newest warning is about the present champion and the form asks for it. The id of its
    run is made of that of the champion, so one is started however often the watch warns or is tried. A warning does not
    fail the task. Skips the run if no date could be watched, and says why.
    """
    settings = read_settings()
    place = {**locations(), "tracking-uri": settings.tracking_uri}
    watched = [run_command("watch", {**place, "start-date": first, "end-date": last}) for first, last in ranges(dates)]
    published = [line for part in watched for line in part["published"]]
    if not published:
        skip(ti, watched[-1]["skipped"][-1]["why"])
    newest = published[-1]
    outlet_events[WATCH].extra = {
        "watched": in_ranges([line["date"] for line in published]),
        **{
            name: newest[name] for name in ("rows", "auc", "auc_low", "auc_high", "run", "version", "warned_on", "says")
        },
    }
    if not newest["warned_on"]:
        return []
    log.warning(wrapped(f"{newest['date']}: {newest['says']}"))
    ti.xcom_push(key=WARNED_ABOUT, value=f"{newest['run']}_version_{newest['version']}")
    if not params["retrain"]:
        return []
    champion = champion_of(settings.tracking_uri, settings.dataset)
    if champion is None or (champion.run, champion.version) != (newest["run"], newest["version"]):
        log.info("No retraining: version %s, which the warning is about, is no longer the champion", newest["version"])
        return []
    return [RETRAINING]
