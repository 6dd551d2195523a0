"""Which dates a run trains and validates on, and whether their training tables may be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as calendar_date
from datetime import timedelta

from training.errors import TrainingError
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State
from warehouse.manifest import Input
from warehouse.tables import TRAIN


@dataclass(frozen=True)
class Window:
    """Consecutive dates, ascending: all training dates lie before all validation dates."""

    train: tuple[str, ...]
    val: tuple[str, ...]

    @property
    def dates(self) -> tuple[str, ...]:
        """Every date of the window, ascending."""
        return self.train + self.val


def window_ending(as_of: str, train_days: int, val_days: int) -> Window:
    """The window whose last validation date is `as_of`. Raises TrainingError where that is no date."""
    try:
        last = calendar_date.fromisoformat(as_of)
    except ValueError as error:
        raise TrainingError(f"--as-of {as_of!r} is not a date: write it as YYYY-MM-DD") from error
    days = train_days + val_days
    try:
        dates = tuple((last - timedelta(days=back)).isoformat() for back in reversed(range(days)))
    except OverflowError as error:
        raise TrainingError(f"no calendar goes back {days} days from {as_of}: take fewer --train-days") from error
    return Window(train=dates[:train_days], val=dates[train_days:])


def require_published(catalog: Catalog, dates: Sequence[str], allow_stale: bool) -> list[Input]:
    """The training tables of the dates at their present versions.

    Raises TrainingError naming every date that is missing or, unless they are allowed, stale, and what mends them.
    """
    freshness = Freshness(catalog)
    states = {date: freshness.verdict(TRAIN, date).state for date in dates}
    usable = (State.FRESH, State.STALE) if allow_stale else (State.FRESH,)
    refused = [date for date in dates if states[date] not in usable]
    if refused:
        missing = [date for date in refused if states[date] is State.MISSING]
        name = TRAIN.name(catalog.dataset)
        problems = [f"{name} is missing for {in_ranges(missing)}"] if missing else []
        problems += freshness.problems((TRAIN, date) for date in refused if states[date] is not State.MISSING)
        ways_out = [f"run their stages (in Airflow: {_backfill(refused)})"]
        if all(states[date] is State.STALE for date in refused):
            ways_out.append("pass --allow-stale to take them as they are")
        raise TrainingError(
            f"{len(refused)} of the {len(dates)} dates needed cannot be used ({'; '.join(problems)}; "
            f"warehouse {catalog.storage.root}): "
            f"{', or '.join(ways_out)}"
        )
    return [catalog.input(TRAIN, date) for date in dates]


def _backfill(dates: Sequence[str]) -> str:
    """A date that was run before is run again: --reprocess-behavior."""
    return (
        f"airflow backfill create --dag-id antm2c_etl_daily --from-date {dates[0]} --to-date {dates[-1]} "
        f"--reprocess-behavior completed --max-active-runs {len(dates)}"
    )


def in_ranges(dates: Sequence[str]) -> str:
    """Ascending dates as ranges, where they follow each other: 2023-07-10 to 2023-07-12, 2023-07-20."""
    ranges: list[list[str]] = []
    for date in dates:
        if ranges and days_before(date, 1) == ranges[-1][-1]:
            ranges[-1].append(date)
        else:
            ranges.append([date])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in ranges)


def require_unchanged(catalog: Catalog, inputs: Sequence[Input]) -> None:
    """Raises TrainingError where a training table was published anew while it was being read."""
    changed = [entry.date for entry in inputs if catalog.version(TRAIN, entry.date) != entry.version]
    if changed:
        name = TRAIN.name(catalog.dataset)
        raise TrainingError(f"{name} was published anew for {', '.join(changed)} while it was read: run this again")
