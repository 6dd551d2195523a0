from pathlib import Path

import pytest

from plugins.board.freshness import grid
from tests.warehouse.conftest import publish, receive
from warehouse.catalog import Catalog
from warehouse.tables import DAILY_USER, DERIVED_TABLES, LOGS, RAW

FIRST, SECOND, THIRD, FOURTH = "2023-07-20", "2023-07-21", "2023-07-22", "2023-07-23"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Fresh on the first date, stale users on the second, nothing received on the third, not yet run on the fourth."""
    catalog = Catalog(tmp_path.as_uri(), "test")
    for day in (FIRST, SECOND, FOURTH):
        receive(catalog, day)
    for day in (FIRST, SECOND):
        publish(catalog, LOGS, day, ["a", "b"], [(RAW, day)])
        publish(catalog, DAILY_USER, day, ["u"], [(LOGS, day)])
    publish(catalog, LOGS, SECOND, ["a", "b", "late"], [(RAW, SECOND)])
    return catalog


def cells(catalog: Catalog, table: str) -> list[dict | None]:
    return next(line["cells"] for line in grid(catalog, "test")["tables"] if line["table"] == table)


def test_every_table_has_a_cell_for_every_day_from_the_first_to_the_last(catalog: Catalog) -> None:
    shown = grid(catalog, "test")
    assert shown["dates"] == [FIRST, SECOND, THIRD, FOURTH]
    assert [line["table"] for line in shown["tables"]] == [table.name("test") for table in DERIVED_TABLES]
    assert {len(line["cells"]) for line in shown["tables"]} == {4}


def test_a_cell_says_its_state_its_cause_and_its_rows(catalog: Catalog) -> None:
    assert cells(catalog, "daily_user_test") == [
        {"state": "fresh", "reason": "", "rows": 1},
        {"state": "stale", "reason": f"logs date={SECOND} has changed", "rows": 1},
        {"state": "missing", "reason": f"no raw logs for {THIRD}", "rows": None},
        {"state": "missing", "reason": "not published yet", "rows": None},
    ]
    assert [cell["rows"] for cell in cells(catalog, "logs_test")[:2]] == [2, 3]


def test_a_table_that_has_no_partition_on_a_date_has_an_empty_cell(catalog: Catalog) -> None:
    assert None in cells(catalog, "tiles_ui_test")


def test_counts_are_those_of_the_cells(catalog: Catalog) -> None:
    shown = grid(catalog, "test")
    states = [cell["state"] for line in shown["tables"] for cell in line["cells"] if cell]
    assert shown["counts"] == {state: states.count(state) for state in ("fresh", "stale", "leaky", "missing")}
    assert shown["counts"]["fresh"] == 3
    assert shown["counts"]["stale"] == 1


def test_causes_are_named_with_how_many_partitions_they_come_to_and_what_to_run(catalog: Catalog) -> None:
    shown = grid(catalog, "test")
    assert f"1 stale: logs date={SECOND} has changed" in shown["causes"]
    assert (
        sum(int(cause.split()[0]) for cause in shown["causes"]) == shown["counts"]["stale"] + shown["counts"]["missing"]
    )
    put, then = shown["mending"]
    assert THIRD in put, "it has no raw logs"
    assert then.endswith(f"from {FIRST} to {FOURTH}.")


def test_runs_at_work_are_waited_for(catalog: Catalog) -> None:
    *_, wait = grid(catalog, "test", at_work=[(FOURTH, FOURTH)])["mending"]
    assert wait.startswith(f"Runs are at work on {FOURTH}")


def test_a_long_history_shows_its_last_dates_and_says_when_it_began(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.board.freshness._MAX_DATES", 2)
    shown = grid(catalog, "test")
    assert (shown["first_date"], shown["dates"]) == (FIRST, [THIRD, FOURTH])


def test_an_empty_warehouse_has_no_dates(tmp_path: Path) -> None:
    shown = grid(Catalog(tmp_path.as_uri(), "test"), "test")
    assert shown["dates"] == []
    assert sum(shown["counts"].values()) == 0
