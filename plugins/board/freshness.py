"""The warehouse as a grid: tables by dates, each fresh, stale or missing."""

from collections import Counter
from typing import Any

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State
from warehouse.status import expected, why_missing
from warehouse.tables import DERIVED_TABLES, Table

_SHOWN_DATES = 90


def grid(catalog: Catalog, shown_dates: int = _SHOWN_DATES) -> dict[str, Any]:
    """The last dates, ascending, and each table's cells: state, cause, rows; None where it has no partition.

    counts: partitions by state, on the dates shown.
    """
    freshness = Freshness(catalog)
    known = freshness.known_dates()
    dates = days(known[0], known[-1])[-shown_dates:] if known else []
    cells = {table: [_cell(freshness, table, date) for date in dates] for table in DERIVED_TABLES}
    states = Counter(cell["state"] for of_table in cells.values() for cell in of_table if cell)
    return {
        "dataset": catalog.dataset,
        "first_date": known[0] if known else None,
        "dates": dates,
        "tables": [{"table": table.name(catalog.dataset), "cells": of_table} for table, of_table in cells.items()],
        "counts": {state.value: states[state.value] for state in State},
    }


def _cell(freshness: Freshness, table: Table, date: str) -> dict[str, Any] | None:
    if not expected(table, date):
        return None
    verdict = freshness.verdict(table, date)
    manifest = freshness.manifest(table, date)
    missing = verdict.state is State.MISSING
    return {
        "state": verdict.state.value,
        "cause": why_missing(freshness, date) if missing else verdict.reason,
        "rows": manifest.rows if manifest else None,
    }
