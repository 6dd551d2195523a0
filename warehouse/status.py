"""The state of every partition as a text table, for `python -m warehouse status`."""

from collections import Counter

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State, Verdict
from warehouse.manifest import Manifest
from warehouse.pair_tiles import tile_days
from warehouse.tables import CANDIDATES, DERIVED_TABLES, LOGS, RAW, REJECTS, SCORING_TABLES, TILES_UI, WATCH, Table

_SIGNS = {State.FRESH: "fresh", State.STALE: "STALE", State.LEAKY: "LEAKY", State.MISSING: "MISSING"}
_NOT_EXPECTED = "."
_WIDTHS = {table: max(len(table.folder), *map(len, _SIGNS.values())) for table in DERIVED_TABLES}


def overview(catalog: Catalog) -> tuple[list[str], bool]:
    """Return the lines to print, and whether every partition from the first to the last date is published and fresh.

    A date without raw logs counts as missing. (A day without impressions has a raw file with only a header.) Files
    outside the date folders are listed, and count as not published.
    """
    freshness = Freshness(catalog)
    known, misplaced = freshness.known_dates(), _misplaced(catalog)
    if not known:
        return [f"no logs of dataset {catalog.dataset} in {catalog.storage.root}", *misplaced], False
    dates = days(known[0], known[-1])
    verdicts = {date: _verdicts(freshness, date) for date in dates}
    lines = [_line("date", "valid rows", "rejected", {table: table.folder for table in DERIVED_TABLES})]
    lines += [_line(date, *_counts(freshness, date), _signs(verdicts[date])) for date in dates]
    problems = {date: found for date in dates if (found := [v for v in verdicts[date].values() if not v.fresh])}
    states = Counter(verdict.state for by_table in verdicts.values() for verdict in by_table.values())
    totals = ", ".join(f"{states[state]} {state}" for state in State)
    lines += ["", f"{_NOT_EXPECTED} this table has no partition on this date"]
    lines += [f"dataset {catalog.dataset} in {catalog.storage.root}: {totals} of {states.total()} partitions"]
    if problems:
        lines += [f"{number} {cause}" for cause, number in causes(freshness, problems).items()]
        first, last = min(problems), max(problems)
        lines += [f"run the stages for {first}" + (f" .. {last}" if last > first else "")]
    return [*lines, *_scoring(catalog, freshness), *_watched(freshness), *misplaced], not problems and not misplaced


def expected(table: Table, date: str) -> bool:
    """Whether the table has a partition for a date with logs. Tiles of one day would only repeat the daily counts."""
    return table is not TILES_UI or tile_days(date) > 1


def _scoring(catalog: Catalog, freshness: Freshness) -> list[str]:
    """Say for each date with candidates what is published. Stale scores are no problem: past dates need no new ones."""
    signs = {
        date: [f"{table.folder} {_SIGNS[freshness.verdict(table, date).state]}" for table in SCORING_TABLES]
        for date in catalog.dates(CANDIDATES)
    }
    return [f"candidates of {date}: {', '.join(shown)}" for date, shown in signs.items()]


def _watched(freshness: Freshness) -> list[str]:
    """Count the dates whose watch is fresh, and name the others. Like stale scores, they are no problem."""
    verdicts = {date: freshness.verdict(WATCH, date) for date in freshness.dates(WATCH)}
    others = [
        f"watch of {date}: {_SIGNS[verdict.state]}, {verdict.reason}"
        for date, verdict in verdicts.items()
        if not verdict.fresh
    ]
    return [f"watch: {len(verdicts) - len(others)} of {len(verdicts)} dates fresh", *others] if verdicts else []


def _misplaced(catalog: Catalog) -> list[str]:
    folder = catalog.storage.uri(RAW.name(catalog.dataset))
    return [
        f"{folder}/{name} is ignored, because its name is not date=YYYY-MM-DD: rename it, or move it into such a folder"
        for name in catalog.misplaced_raw()
    ]


def _verdicts(freshness: Freshness, date: str) -> dict[Table, Verdict]:
    return {table: freshness.verdict(table, date) for table in DERIVED_TABLES if expected(table, date)}


def _counts(freshness: Freshness, date: str) -> tuple[str, str]:
    """Return the numbers of valid and rejected rows, or - if they are not published."""
    logs, rejects = freshness.manifest(LOGS, date), freshness.manifest(REJECTS, date)
    return f"{logs.rows:,}" if logs else "-", f"{_rejected(rejects):,}" if rejects else "-"


def _rejected(manifest: Manifest) -> int:
    return sum(manifest.rejects.values())


def _signs(verdicts: dict[Table, Verdict]) -> dict[Table, str]:
    return {table: _SIGNS[verdicts[table].state] if table in verdicts else _NOT_EXPECTED for table in DERIVED_TABLES}


def _line(date: str, rows: str, rejected: str, cells: dict[Table, str]) -> str:
    shown = " ".join(f"{text:<{_WIDTHS[table]}}" for table, text in cells.items())
    return f"{date:<10} {rows:>12} {rejected:>10}  {shown}".rstrip()


def causes(freshness: Freshness, problems: dict[str, list[Verdict]]) -> Counter[str]:
    """Count the verdicts of all dates by their cause, because late data of one day can make many partitions stale."""
    counts: Counter[str] = Counter()
    for date, verdicts in problems.items():
        missing_because = why_missing(freshness, date)
        for verdict in verdicts:
            counts[f"{verdict.state}: {missing_because if verdict.state is State.MISSING else verdict.cause}"] += 1
    return counts


def why_missing(freshness: Freshness, date: str) -> str:
    """Return the reason why a date is not published, as a clause without a final full stop."""
    if date not in freshness.known_dates():
        return f"no raw logs for {date}"
    return too_many_rejected(freshness, date) or "not published yet"


def too_many_rejected(freshness: Freshness, date: str) -> str | None:
    """Return, as a sentence without its full stop, that --max-reject-rate has kept a date from being published."""
    rejects = freshness.manifest(REJECTS, date)
    if rejects is None or freshness.manifest(LOGS, date) is not None:
        return None
    # Only --max-reject-rate leaves rejects published without logs.
    rejected = f"{_rejected(rejects):,} of {rejects.rows_in:,} rows of {date} are rejected"
    return f"{rejected}, more than --max-reject-rate allows: correct the rows, or raise the limit"
