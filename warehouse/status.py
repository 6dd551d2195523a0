"""The state of every partition, as a table for the screen."""

from collections import Counter

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State, Verdict
from warehouse.manifest import Manifest
from warehouse.pair_tiles import tile_days
from warehouse.tables import DERIVED_TABLES, LOGS, REJECTS, TILES_UI, Table

_SIGNS = {State.FRESH: "fresh", State.STALE: "STALE", State.LEAKY: "LEAKY", State.MISSING: "MISSING"}
_NO_PARTITION = "."  # the table has none on this date
_WIDTHS = {table: max(len(table.folder), *map(len, _SIGNS.values())) for table in DERIVED_TABLES}


def overview(catalog: Catalog) -> tuple[list[str], bool]:
    """Lines for the screen, and whether every date with logs, from the first to the last, is published and fresh.

    A day without a raw folder between the first and the last date counts as missing; a day without impressions is a
    raw file with a header alone.
    """
    freshness = Freshness(catalog)
    known = freshness.known_dates()
    if not known:
        return [f"no logs of dataset {catalog.dataset} in {catalog.storage.root}"], False
    dates = days(known[0], known[-1])
    verdicts = {date: _verdicts(freshness, date) for date in dates}
    lines = [_line("date", "valid rows", "rejected", {table: table.folder for table in DERIVED_TABLES})]
    lines += [_line(date, *_counts(freshness, date), _signs(verdicts[date])) for date in dates]
    problems = {date: bad for date in dates if (bad := [v for v in verdicts[date].values() if not v.fresh])}
    states = Counter(verdict.state for of_date in verdicts.values() for verdict in of_date.values())
    counted = ", ".join(f"{states[state]} {state}" for state in State)
    lines += ["", f"{_NO_PARTITION} the table has no partition on this date"]
    lines += [f"dataset {catalog.dataset} in {catalog.storage.root}: {counted} of {states.total()} partitions"]
    if problems:
        lines += [f"{number} {cause}" for cause, number in causes(freshness, problems).items()]
        lines += [f"run the stages for {min(problems)} .. {max(problems)}"]
    return lines, not problems


def expected(table: Table, date: str) -> bool:
    """Whether the table has a partition on a date with logs: tiles of one day are the daily counts themselves."""
    return table is not TILES_UI or tile_days(date) > 1


def _verdicts(freshness: Freshness, date: str) -> dict[Table, Verdict]:
    return {table: freshness.verdict(table, date) for table in DERIVED_TABLES if expected(table, date)}


def _counts(freshness: Freshness, date: str) -> tuple[str, str]:
    """Valid and rejected rows, as far as they are published."""
    logs, rejects = freshness.manifest(LOGS, date), freshness.manifest(REJECTS, date)
    return f"{logs.rows:,}" if logs else "-", f"{_rejected(rejects):,}" if rejects else "-"


def _rejected(manifest: Manifest) -> int:
    return sum(manifest.rejects.values())


def _signs(verdicts: dict[Table, Verdict]) -> dict[Table, str]:
    return {table: _SIGNS[verdicts[table].state] if table in verdicts else _NO_PARTITION for table in DERIVED_TABLES}


def _line(date: str, rows: str, rejected: str, cells: dict[Table, str]) -> str:
    shown = " ".join(f"{text:<{_WIDTHS[table]}}" for table, text in cells.items())
    return f"{date:<10} {rows:>12} {rejected:>10}  {shown}".rstrip()


def causes(freshness: Freshness, problems: dict[str, list[Verdict]]) -> Counter[str]:
    """What the verdicts that are not fresh, by date, come to: late data of one day makes many partitions stale.

    The number of partitions by cause, in the order in which the causes were met.
    """
    counts: Counter[str] = Counter()
    for date, bad in problems.items():
        not_there = why_missing(freshness, date)
        for verdict in bad:
            counts[f"{verdict.state}: {not_there if verdict.state is State.MISSING else verdict.cause}"] += 1
    return counts


def why_missing(freshness: Freshness, date: str) -> str:
    """Why a date between the first and the last has nothing published, as the end of a sentence."""
    if date not in freshness.known_dates():
        return f"no raw logs for {date}"
    rejects = freshness.manifest(REJECTS, date)
    if rejects is None or freshness.manifest(LOGS, date) is not None:
        return "not published yet"
    # Rejects are published without logs by --max-reject-rate alone.
    of_rows = f"{_rejected(rejects):,} of {rejects.rows_in:,} rows of {date} are rejected"
    return f"{of_rows}, more than --max-reject-rate allows: correct them, or raise it"
