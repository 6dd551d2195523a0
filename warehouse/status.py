"""The state of every partition, as a table for the screen."""

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State
from warehouse.pair_tiles import tile_days
from warehouse.tables import DERIVED_TABLES, LOGS, TILES_UI, Table

_SIGNS = {State.FRESH: "fresh", State.STALE: "STALE", State.MISSING: "-"}


def overview(catalog: Catalog) -> tuple[list[str], bool]:
    """Lines for the screen, and whether every date with logs, from the first to the last, is published and fresh.

    A day without a raw folder between the first and the last date counts as missing; a day without impressions is a
    raw file with a header alone.
    """
    freshness = Freshness(catalog)
    known = freshness.known_dates()
    if not known:
        return [f"no logs of dataset {catalog.dataset} in {catalog.storage.root}"], False
    titles = [table.folder for table in DERIVED_TABLES]
    lines = [f"{'date':<12}{'rows':>12}{'rejects':>9}  " + " ".join(titles)]
    reasons: list[str] = []
    for date in days(known[0], known[-1]):
        manifest = freshness.manifest(LOGS, date)
        rows = f"{manifest.rows:,}" if manifest else "-"
        rejects = f"{sum(manifest.rejects.values()):,}" if manifest else "-"
        cells = []
        for table in DERIVED_TABLES:
            verdict = freshness.verdict(table, date) if expected(table, date) else None
            cells.append(f"{_SIGNS[verdict.state] if verdict else '':<{len(table.folder)}}")
            if verdict and not verdict.fresh:
                reasons.append(f"{table.name(catalog.dataset)} date={date} is {verdict.state}: {verdict.reason}")
        lines.append(f"{date:<12}{rows:>12}{rejects:>9}  " + " ".join(cells).rstrip())
    return [*lines, *(["", *reasons] if reasons else [])], not reasons


def expected(table: Table, date: str) -> bool:
    """Whether the table has a partition on a date with logs: tiles of one day are the daily counts themselves."""
    return table is not TILES_UI or tile_days(date) > 1
