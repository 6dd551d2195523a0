from pathlib import Path

import pytest

from plugins.board.advice import first_steps, mending
from warehouse.catalog import Catalog

FIRST, SECOND, THIRD = "2023-07-20", "2023-07-21", "2023-07-22"
BACKFILL = [(SECOND, SECOND), (FIRST, FIRST)]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path.as_uri(), "demo")


def test_a_whole_warehouse_needs_nothing(catalog: Catalog) -> None:
    assert mending(catalog, "demo", [], [], [], BACKFILL) == []


def test_one_date_is_run_by_the_daily_dag_and_several_by_that_of_history(catalog: Catalog) -> None:
    (one,) = mending(catalog, "demo", [FIRST], [], [], [])
    assert one.endswith(f"run the DAG antm2c_etl_daily with the Date {FIRST}.")
    (several,) = mending(catalog, "demo", [FIRST, THIRD], [], [], [])
    assert several.endswith(f"run the DAG antm2c_etl_history from {FIRST} to {THIRD}.")


def test_nothing_is_started_while_a_backfill_runs(catalog: Catalog) -> None:
    for sentences in (
        mending(catalog, "demo", [FIRST, THIRD], [], [], BACKFILL),
        first_steps(catalog, "demo", BACKFILL),
    ):
        assert f"Runs are at work on {FIRST} to {SECOND}" in " ".join(sentences)
        assert "antm2c_etl" not in " ".join(sentences)


def test_raw_logs_come_first(catalog: Catalog) -> None:
    put, then = mending(catalog, "demo", [FIRST, SECOND], [SECOND], [], [])
    assert put.startswith(f"Put the raw logs of {SECOND} into {catalog.storage.root}/raw_demo/date={SECOND}")
    assert then == f"Then run the DAG antm2c_etl_history from {FIRST} to {SECOND}."


def test_rows_that_were_rejected_are_corrected_first(catalog: Catalog) -> None:
    told = f"9 of 10 rows of {FIRST} are rejected, more than --max-reject-rate allows: correct them, or raise it"
    assert mending(catalog, "demo", [FIRST], [], [told], []) == [
        f"{told}.",
        f"Then run the DAG antm2c_etl_daily with the Date {FIRST}.",
    ]


def test_the_dags_are_not_named_for_a_dataset_on_which_they_do_not_work(catalog: Catalog) -> None:
    for sentences in (mending(catalog, "10k", [FIRST], [], [], []), first_steps(catalog, "10k", [])):
        assert "antm2c_etl" not in " ".join(sentences)
        assert "10k" in " ".join(sentences)
