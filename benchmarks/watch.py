"""Measure how often the watch warns without reason, and how soon it warns when the tastes of users change.

Most histories are simulated, see watched_days.py. One goes through all stages, training and the command `watch`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure
from benchmarks.logs import DATASET
from benchmarks.stages import warm_stages
from benchmarks.trained_models import quietly
from benchmarks.watched_days import watched_days
from sample_logs.settings import PRESETS, Settings
from sample_logs.writing import Writer
from training.watching.fading import Day, verdicts
from warehouse.catalog import Catalog

_HISTORIES, _DAYS, _ROWS = 100, 60, 1_500  # the rows are those of a day
_CHANGED, _LEAST_SOON, _MOST_FALSE, _SOON = 40, 38, 4, 3  # a history may warn before the change, by chance
_WHOLE = PRESETS["demo"].resized(rows=22 * 5_000, days=22)
_CHOSEN, _WHOLE_CHANGE = 10, 16  # days of the whole history


def measure(folder: Path) -> list[Figure]:
    """Count the warnings over all histories, without a change and with one."""
    false = [seed for seed in range(_HISTORIES) if _first_warning(watched_days(seed, _DAYS, _ROWS))]
    delays = [_delay(seed) for seed in range(_CHANGED)]
    warned = [delay for delay in delays if delay is not None and delay >= 1]
    soon = sum(delay <= _SOON for delay in warned)
    return [
        Figure(
            f"warnings without a change, of {_HISTORIES} histories of {_DAYS} days",
            str(len(false)),
            f"at most {_MOST_FALSE}",
            len(false) <= _MOST_FALSE,
        ),
        Figure(
            f"warnings within {_SOON} days of a change of tastes, of {_CHANGED} histories",
            str(soon),
            f"at least {_LEAST_SOON}",
            soon >= _LEAST_SOON,
            {"mean days": float(np.mean(warned))},
        ),
        *_through_all_stages(folder),
    ]


def _first_warning(days: list[Day]) -> str | None:
    return verdicts(days[0], days[1:])[-1].warned_on


def _delay(seed: int) -> int | None:
    """Return on which day of the new tastes the watch warns: 1 is the first; 0 or less is a warning without reason."""
    change = int(np.random.default_rng((seed, 2)).integers(1, _DAYS - _SOON))
    days = watched_days(_HISTORIES + seed, change + _SOON, _ROWS, change)
    warned_on = _first_warning(days)
    return None if warned_on is None else [day.date for day in days].index(warned_on) - change + 1


def _through_all_stages(folder: Path) -> list[Figure]:
    """Watch a champion on one history as it is, and once more with a change of tastes in its last days."""
    catalog, dates = Catalog((folder / "warehouse").as_uri(), DATASET), _WHOLE.dates
    place = ["--warehouse", catalog.storage.root, "--dataset", DATASET, "--artifacts", str(folder / "runs")]
    tracking = ["--tracking-uri", f"sqlite:///{folder}/mlflow/mlflow.db"]
    watched = ["watch", *place, *tracking, "--start-date", dates[_CHOSEN + 1], "--end-date", dates[-1]]
    with warm_stages(folder / "stages.log") as stages:

        def run_stages(settings: Settings, first: int) -> None:
            writer = Writer(catalog, settings)
            for day in range(first, settings.days):
                writer.write(day)
            stages.run_all(catalog, dates[first], dates[-1])

        run_stages(_WHOLE, 0)
        run = quietly("train", *place, "--as-of", dates[_CHOSEN], "--train-days", str(_CHOSEN))
        quietly("promote", *tracking, "--artifacts", run["artifacts"])
        same = quietly(*watched)["published"]
        run_stages(replace(_WHOLE, tastes_change=dates[_WHOLE_CHANGE]), _WHOLE_CHANGE)
        changed = quietly(*watched)["published"]
    warned_on = changed[-1]["warned_on"]
    return [
        Figure(
            f"warning on {len(same)} days of sample logs through all stages, without a change",
            same[-1]["warned_on"] or "none",
            "none",
            same[-1]["warned_on"] is None,
            {line["date"]: line["auc"] for line in same},
        ),
        Figure(
            f"the same, tastes change on {dates[_WHOLE_CHANGE]}",
            warned_on or "none",
            f"within {_SOON} days",
            warned_on in dates[_WHOLE_CHANGE : _WHOLE_CHANGE + _SOON],
            {line["date"]: line["auc"] for line in changed},
        ),
    ]
