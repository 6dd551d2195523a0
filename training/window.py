"""A run's window: its training and validation dates, and checks that their training tables may be used."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date as calendar_date
from datetime import timedelta

from training.errors import TrainingError
from training.model_names import reads_history
from warehouse.calendar_days import days, days_before
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State
from warehouse.manifest import Input
from warehouse.tables import RAW, SEQUENCES_USER, TABLES, TRAIN, Table

LEAST_TRAIN_DAYS = 3  # with fewer, a model says little; the user may still ask for fewer


@dataclass(frozen=True)
class Window:
    """The consecutive dates of a run, ascending. All training dates are before all validation dates."""

    train: tuple[str, ...]
    val: tuple[str, ...]

    @property
    def dates(self) -> tuple[str, ...]:
        """All dates of the window, ascending."""
        return self.train + self.val


def available_window(catalog: Catalog, as_of: str, train_days: int, val_days: int) -> Window:
    """Return the window whose last validation date is `as_of`, without days before the first logs.

    train_days: the maximum number of training days. Raises TrainingError if `as_of` is not a date, or if there are logs
    for fewer than three training days (or `train_days`, if that is less).
    """
    wanted = window_ending(as_of, train_days, val_days)
    first = min([*Freshness(catalog).known_dates(), *catalog.dates(TRAIN)], default=None)
    if first is None:
        raise TrainingError(
            f"there are no logs at all: add raw logs for {as_of} and the dates before, to folders like "
            f"{catalog.uri(RAW, as_of)}, then run the stages"
        )
    window = Window(tuple(date for date in wanted.train if date >= first), wanted.val)
    least = min(train_days, LEAST_TRAIN_DAYS)
    if len(window.train) < least:
        raise TrainingError(
            f"there are only {len(window.train)} training days from the first logs, of {first}, to the validation "
            f"days, which begin on {window.val[0]}, but at least {least} are needed: choose a later --as-of or fewer "
            "--val-days, or add earlier raw logs"
        )
    return window


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
        raise TrainingError(f"there is no date {days} days before {as_of}: use a smaller --train-days") from error
    return Window(train=dates[:train_days], val=dates[train_days:])


def tables_of(model: str, rows: Table = TRAIN) -> tuple[Table, ...]:
    """Return the tables that a model reads. rows: the training table, or that of candidates."""
    return (rows, SEQUENCES_USER) if reads_history(model) else (rows,)


def require_published(
    catalog: Catalog, dates: Sequence[str], allow_stale: bool, tables: Sequence[Table] = (TRAIN,)
) -> list[Input]:
    """Return the dates' partitions of the tables, in their current versions, as inputs of a run.

    Raises TrainingError, which says what to run, if a date is missing or leaky, or is stale and not `allow_stale`.
    """
    freshness = Freshness(catalog)
    return [entry for table in tables for entry in _published(freshness, catalog, table, dates, allow_stale)]


def _published(
    freshness: Freshness, catalog: Catalog, table: Table, dates: Sequence[str], allow_stale: bool
) -> list[Input]:
    states = {date: freshness.verdict(table, date).state for date in dates}
    usable = (State.FRESH, State.STALE) if allow_stale else (State.FRESH,)
    refused = [date for date in dates if states[date] not in usable]
    if refused:
        missing = [date for date in refused if states[date] is State.MISSING]
        name = table.name(catalog.dataset)
        problems = [f"{name} is missing for {in_ranges(missing)}"] if missing else []
        problems += freshness.problems((table, date) for date in refused if states[date] is not State.MISSING)
        remedy = _remedy(catalog, refused, set(freshness.known_dates()))
        if all(states[date] is State.STALE for date in refused):
            remedy += ", or pass --allow-stale to use them as they are"
        raise TrainingError(
            f"{len(refused)} of the {len(dates)} dates needed cannot be used ({'; '.join(problems)}; "
            f"warehouse {catalog.storage.root}): {remedy}"
        )
    return [catalog.input(table, date) for date in dates]


def _remedy(catalog: Catalog, refused: Sequence[str], known: Set[str]) -> str:
    """Say what to do about dates that cannot be used. known: the dates that have logs."""
    without_logs = [date for date in refused if date not in known]
    runnable = [date for date in refused if date in known]
    steps = []
    if without_logs:
        folder = catalog.uri(RAW, without_logs[0]) + (" and so on" if len(without_logs) > 1 else "")
        steps.append(
            f"there are no raw logs for {in_ranges(without_logs)}: add them to {folder}, then run their stages"
        )
    if runnable:
        steps.append(f"run the stages for {in_ranges(runnable)} (in Airflow: `{_backfill(runnable)}`)")
    return "; ".join(steps)


def _backfill(dates: Sequence[str]) -> str:
    """Return the command that runs the stages for these dates, also if they have run before."""
    return (
        f"airflow backfill create --dag-id antm2c_etl_daily --from-date {dates[0]} --to-date {dates[-1]} "
        "--reprocess-behavior completed"
    )


def dates_asked(single: str | None, start: str | None, end: str | None) -> list[str]:
    """Return the dates that --date, or --start-date and --end-date ask for. Raises TrainingError if both or none do."""
    if single and not (start or end):
        return [single]
    if single or not (start and end):
        raise TrainingError("give either --date, or both --start-date and --end-date")
    if start > end:
        raise TrainingError(f"--start-date {start} is after --end-date {end}")
    return days(start, end)


def in_ranges(dates: Sequence[str]) -> str:
    """Write ascending dates as ranges, such as `2023-07-10 to 2023-07-12, 2023-07-20`."""
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in ranges(dates))


def ranges(dates: Sequence[str]) -> list[tuple[str, str]]:
    """Return the first and the last date of each range of consecutive days in ascending dates."""
    found: list[tuple[str, str]] = []
    for date in dates:
        if found and days_before(date, 1) == found[-1][1]:
            found[-1] = found[-1][0], date
        else:
            found.append((date, date))
    return found


def require_unchanged(catalog: Catalog, inputs: Sequence[Input]) -> None:
    """Raise TrainingError if a table has been published again since `inputs` were recorded."""
    changed = [entry for entry in inputs if catalog.version(TABLES[entry.table], entry.date) != entry.version]
    if changed:
        first = changed[0].table
        name, dates = TABLES[first].name(catalog.dataset), ", ".join(e.date for e in changed if e.table == first)
        raise TrainingError(f"{name} was published again for {dates} while it was being read: run the command again")
