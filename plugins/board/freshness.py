"""The state of the warehouse as a grid: for each table and date fresh, stale, leaky or missing."""

from collections import Counter, defaultdict
from typing import Any

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State, Verdict
from warehouse.status import causes, expected, why_missing
from warehouse.tables import DERIVED_TABLES, Table

_MAX_DATES = 90

Verdicts = dict[tuple[Table, str], Verdict]


def grid(catalog: Catalog) -> dict[str, Any]:
    """Return the grid of the newest dates, in ascending order, and a summary.

    tables: the cells of each table with state, reason and rows, or None if the table has no partition on a date.
    counts: the number of partitions in each state. causes: the reasons, each with the number of partitions that are
    stale or missing for it. rerun: the first and the last date to run again, or None.
    """
    freshness = Freshness(catalog)
    known = freshness.known_dates()
    dates = days(known[0], known[-1])[-_MAX_DATES:] if known else []
    verdicts = {
        (table, date): freshness.verdict(table, date)
        for table in DERIVED_TABLES
        for date in dates
        if expected(table, date)
    }
    states = Counter(verdict.state for verdict in verdicts.values())
    problems: dict[str, list[Verdict]] = defaultdict(list)
    for (_, date), verdict in verdicts.items():
        if not verdict.fresh:
            problems[date].append(verdict)
    tables = [
        {"table": table.name(catalog.dataset), "cells": [_cell(freshness, verdicts, table, date) for date in dates]}
        for table in DERIVED_TABLES
    ]
    return {
        "dataset": catalog.dataset,
        "first_date": known[0] if known else None,
        "dates": dates,
        "tables": tables,
        "counts": {state.value: states[state] for state in State},
        "causes": [f"{number:,} {cause}" for cause, number in causes(freshness, problems).most_common()],
        "rerun": [min(problems), max(problems)] if problems else None,
    }


def _cell(freshness: Freshness, verdicts: Verdicts, table: Table, date: str) -> dict[str, Any] | None:
    verdict = verdicts.get((table, date))
    if verdict is None:
        return None
    manifest = freshness.manifest(table, date)
    return {
        "state": verdict.state.value,
        "reason": why_missing(freshness, date) if verdict.state is State.MISSING else verdict.reason,
        "rows": manifest.rows if manifest else None,
    }
