"""The state of the warehouse as a grid: for each table and date fresh, stale, leaky or missing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from plugins.board.advice import first_steps, mending
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness, State, Verdict
from warehouse.status import causes, expected, too_many_rejected, why_missing
from warehouse.tables import DERIVED_TABLES, Table

_MAX_DATES = 90

Verdicts = dict[tuple[Table, str], Verdict]


def grid(catalog: Catalog, own_dataset: str, at_work: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """Return the grid of the newest dates, in ascending order, and a summary.

    tables: the cells of each table with state, reason and rows, or None if the table has no partition on a date.
    counts: the number of partitions in each state. causes: the reasons, each with the number of partitions that are
    stale or missing for it. mending: what to do about them, as sentences.

    own_dataset: the one that this Airflow's DAGs work on. at_work: the first and the last date of each run under way.
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
    rejected = [told for date in sorted(problems) if (told := too_many_rejected(freshness, date))]
    without_raw = [date for date in sorted(problems) if date not in freshness.known_dates()]
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
        "mending": mending(catalog, own_dataset, sorted(problems), without_raw, rejected, at_work)
        if known
        else first_steps(catalog, own_dataset, at_work),
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
