"""A run's dates of training and validation, and checks that their training tables may be used."""

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
    """Return the window whose last validation date is `as_of`. Raises TrainingError if that is not a date."""
    try:
        last = calendar_date.fromisoformat(as_of)
    except ValueError as error:
        raise TrainingError(f"--as-of {as_of!r} is not a date: write it as YYYY-MM-DD") from error
    days = train_days + val_days
    try:
        dates = tuple((last - timedelta(days=back)).isoformat() for back in reversed(range(days)))
    except OverflowError as error:
        raise TrainingError(f"no calendar goes back {days} days from {as_of}: use fewer --train-days") from error
    return Window(train=dates[:train_days], val=dates[train_days:])


def require_published(catalog: Catalog, dates: Sequence[str], allow_stale: bool) -> list[Input]:
    """Return the dates' training tables with their current versions.

    Raises TrainingError that names each missing date and, unless `allow_stale`, each stale one, and says what to run.
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
        remedies = [f"run their stages (in Airflow: {_backfill(refused)})"]
        if all(states[date] is State.STALE for date in refused):
            remedies.append("pass --allow-stale to use them as they are")
        raise TrainingError(
            f"{len(refused)} of the {len(dates)} dates needed cannot be used ({'; '.join(problems)}; "
            f"warehouse {catalog.storage.root}): "
            f"{', or '.join(remedies)}"
        )
    return [catalog.input(TRAIN, date) for date in dates]


def _backfill(dates: Sequence[str]) -> str:
    """Return the command that runs the dates; --reprocess-behavior also repeats dates that have run before."""
    return (
        f"airflow backfill create --dag-id antm2c_etl_daily --from-date {dates[0]} --to-date {dates[-1]} "
        f"--reprocess-behavior completed --max-active-runs {len(dates)}"
    )


def in_ranges(dates: Sequence[str]) -> str:
    """Write ascending dates as ranges of consecutive ones: 2023-07-10 to 2023-07-12, 2023-07-20."""
    ranges: list[list[str]] = []
    for date in dates:
        if ranges and days_before(date, 1) == ranges[-1][-1]:
            ranges[-1].append(date)
        else:
            ranges.append([date])
    return ", ".join(group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}" for group in ranges)


def require_unchanged(catalog: Catalog, inputs: Sequence[Input]) -> None:
    """Raise TrainingError if a training table was published again while it was being read."""
    changed = [entry.date for entry in inputs if catalog.version(TRAIN, entry.date) != entry.version]
    if changed:
        name = TRAIN.name(catalog.dataset)
        raise TrainingError(f"{name} was published again for {', '.join(changed)} while it was read: run this again")
