"""The champions over dates: how good each was on each day that it was watched, and when the watch warned."""

from typing import Any

from training.watching.history import judged_on
from warehouse.catalog import Catalog
from warehouse.tables import WATCH

_MAX_DATES = 90
_SHOWN = ("date", "version", "run", "rows", "auc", "auc_low", "auc_high", "evidence", "warned_on")
_WHEN_CHOSEN = ("version", "run", "as_of")
_INTERVAL = ("auc", "auc_low", "auc_high")
_NOTHING_YET = (
    "No date has been watched yet. If there is no champion, run the DAG antm2c_retrain. From then on, antm2c_watch "
    "compares its scores with the clicks of each new date. To watch a date that has passed, run it with that Date."
)


def over_dates(catalog: Catalog) -> dict[str, Any]:
    """Return the newest dates, ascending, the champions when they were chosen, and what the newest date says.

    Raises TrainingError or WarehouseError if the table cannot be read.
    """
    lines = judged_on(catalog, catalog.dates(WATCH)[-_MAX_DATES:])
    champions = {line["version"]: line for line in reversed(lines)}
    return {
        "points": [{name: line[name] for name in _SHOWN} | {"positives": line["clicks"]} for line in lines],
        "champions": [
            {name: line[name] for name in _WHEN_CHOSEN} | {name: line[f"chosen_{name}"] for name in _INTERVAL}
            for line in reversed(champions.values())
        ],
        "says": f"{lines[-1]['date']}: {lines[-1]['says']}." if lines else _NOTHING_YET,
        "warns": bool(lines and lines[-1]["warned_on"]),
    }
