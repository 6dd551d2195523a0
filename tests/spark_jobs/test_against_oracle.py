"""Every table on every date equals a plain recomputation, however the dates were run."""

import random
import shutil
from collections import Counter

import pytest

from spark_jobs import STAGES
from tests.spark_jobs.conftest import Warehouse, bag
from tests.spark_jobs.odd_logs import write_day, write_odd_logs
from tests.spark_jobs.oracle import Oracle
from warehouse.freshness import Freshness, State
from warehouse.status import expected
from warehouse.tables import (
    DERIVED_TABLES,
    FEATURES_ITEM,
    FEATURES_UI,
    FEATURES_USER,
    LOGS,
    REJECTS,
    SEQUENCES_USER,
    TRAIN,
)

# Days without logs in between, then three weeks of them.
BEFORE_THE_GAP, AFTER_THE_GAP = [0, 1, 2, 3, 7], [29, 30]


def by_key(rows: list[dict], *key: str) -> dict:
    table = {tuple(row.pop(name) for name in key): row for row in rows}
    assert len(table) == len(rows)
    return table


def check_date(warehouse: Warehouse, oracle: Oracle, day: str) -> None:
    assert bag(warehouse.rows(LOGS, day)) == bag(oracle.logs[day])
    rejects = Counter((row["source_file"], row["reason"]) for row in warehouse.rows(REJECTS, day))
    assert rejects == Counter(oracle.rejects[day])
    manifest = warehouse.catalog.manifest(LOGS, day)
    assert manifest is not None
    assert manifest.rows_in == len(oracle.logs[day]) + len(oracle.rejects[day])
    assert manifest.rejects == Counter(reason for _, reason in oracle.rejects[day])
    for kind, table in (("user", FEATURES_USER), ("item", FEATURES_ITEM)):
        found = by_key(warehouse.rows(table, day), f"{kind}_id")
        assert found == {(key,): row for key, row in oracle.features(kind, day).items()}
    assert by_key(warehouse.rows(FEATURES_UI, day), "user_id", "item_id") == oracle.pairs(day)
    sequences = by_key(warehouse.rows(SEQUENCES_USER, day), "user_id")
    assert sequences == {(user,): row for user, row in oracle.sequences(day).items()}
    assert bag(warehouse.rows(TRAIN, day)) == bag(oracle.training(day))


@pytest.fixture(scope="module")
def by_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[str]]:
    """Odd logs, every date run by itself, one after the other."""
    warehouse = Warehouse(tmp_path_factory.mktemp("by_day"))
    days = write_odd_logs(warehouse.raw, seed=1, offsets=[*BEFORE_THE_GAP, *AFTER_THE_GAP])
    for day in days:
        warehouse.run_all("--date", day)
    return warehouse, days


def test_daily_runs_equal_the_recomputation(by_day: tuple[Warehouse, list[str]]) -> None:
    warehouse, days = by_day
    oracle = Oracle(warehouse.raw)
    for day in days:
        check_date(warehouse, oracle, day)


def test_ranges_give_the_same_versions_as_daily_runs(by_day: tuple[Warehouse, list[str]], warehouse: Warehouse) -> None:
    daily, days = by_day
    write_odd_logs(warehouse.raw, seed=1, offsets=[*BEFORE_THE_GAP, *AFTER_THE_GAP])
    for first, last in ((days[0], days[3]), (days[4], days[4]), (days[5], days[6])):
        warehouse.run_all("--start-date", first, "--end-date", last)
    for day in days:
        assert warehouse.versions(day) == daily.versions(day)


def test_late_data_makes_what_depends_on_it_stale_and_reruns_repair_it(warehouse: Warehouse) -> None:
    days = write_odd_logs(warehouse.raw, seed=2, offsets=[0, 1, 2, 3])
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    early = {day: warehouse.versions(day) for day in days}
    write_day(warehouse.raw, random.Random(3), days[1], rows=20, names=("late",))
    warehouse.run_all("--date", days[1])

    freshness = Freshness(warehouse.catalog)
    stale = {(t.folder, d) for t in DERIVED_TABLES for d in days if freshness.verdict(t, d).state is State.STALE}
    own = {"logs", "rejects", "daily_user", "daily_item", "daily_ui"}  # rest on their own date alone
    later = {(t.folder, d) for t in DERIVED_TABLES for d in days[2:] if early[d][t.folder] and t.folder not in own}
    # Which tiles span the late date depends on the number of their day.
    assert {entry for entry in stale if entry[0] != "tiles_ui"} == {e for e in later if e[0] != "tiles_ui"}
    assert warehouse.versions(days[0]) == early[days[0]]

    # The last date alone starts from the nearest snapshot that is still fresh.
    warehouse.run("user_features", "--date", days[3])
    manifest = warehouse.catalog.manifest(FEATURES_USER, days[3])
    assert manifest is not None
    assert ("features_user", days[1]) in {(source.table, source.date) for source in manifest.inputs}
    found = by_key(warehouse.rows(FEATURES_USER, days[3]), "user_id")
    assert found == {(key,): row for key, row in Oracle(warehouse.raw).features("user", days[3]).items()}

    for day in days[2:]:
        for stage in STAGES[1:]:
            warehouse.run(stage, "--date", day)
    oracle = Oracle(warehouse.raw)
    for day in days:
        check_date(warehouse, oracle, day)
    assert all(Freshness(warehouse.catalog).verdict(TRAIN, day).fresh for day in days)


def test_a_rerun_changes_no_version_and_makes_nothing_stale(by_day: tuple[Warehouse, list[str]]) -> None:
    warehouse, days = by_day
    before = {day: warehouse.versions(day) for day in days}
    warehouse.run_all("--date", days[2])
    assert {day: warehouse.versions(day) for day in days} == before
    freshness = Freshness(warehouse.catalog)
    assert not freshness.problems((t, d) for t in DERIVED_TABLES for d in days if expected(t, d))


def test_logs_older_than_the_first_date_make_cumulative_tables_stale(warehouse: Warehouse) -> None:
    days = write_odd_logs(warehouse.raw, seed=6, offsets=[5, 6])
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    [older] = write_odd_logs(warehouse.raw, seed=7, offsets=[2])
    warehouse.run_all("--date", older)
    freshness = Freshness(warehouse.catalog)
    for table in (FEATURES_USER, FEATURES_ITEM, FEATURES_UI, SEQUENCES_USER, TRAIN):
        assert freshness.verdict(table, days[0]).state is State.STALE, table.folder
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    oracle = Oracle(warehouse.raw)
    for day in (older, *days):
        check_date(warehouse, oracle, day)


def test_pair_history_can_be_bounded(warehouse: Warehouse) -> None:
    days = write_odd_logs(warehouse.raw, seed=8, offsets=[0, 1, 2, 3, 4])
    warehouse.run("csv_to_orc", "--start-date", days[0], "--end-date", days[-1], "--max-reject-rate", "1")
    warehouse.run("user_item_features", "--start-date", days[0], "--end-date", days[-1], "--ui-horizon-days", "2")
    found = by_key(warehouse.rows(FEATURES_UI, days[4]), "user_id", "item_id")
    assert found == Oracle(warehouse.raw).pairs(days[4], horizon=2)


@pytest.mark.parametrize("stage", ["csv_to_orc", "user_item_features"])
def test_a_range_that_fails_names_its_date_and_keeps_the_dates_before(
    warehouse: Warehouse, stage: str, capfd: pytest.CaptureFixture
) -> None:
    days = write_odd_logs(warehouse.raw, seed=6, offsets=[0, 1, 2, 3])
    if stage == "csv_to_orc":
        (warehouse.raw / f"date={days[2]}" / "cut.csv").write_text("user_id,item_id\n")
    else:
        warehouse.run("csv_to_orc", "--start-date", days[0], "--end-date", days[-1], "--max-reject-rate", "1")
        shutil.rmtree(warehouse.catalog.path(LOGS, days[2]))
    lenient = ["--max-reject-rate", "1"] if stage == "csv_to_orc" else []
    with pytest.raises(SystemExit) as ended:
        warehouse.run(stage, "--start-date", days[0], "--end-date", days[-1], *lenient)
    assert ended.value.code == 1
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: {stage} {days[2]}: ")
    written = LOGS if stage == "csv_to_orc" else FEATURES_UI
    assert warehouse.catalog.dates(written)[:2] == days[:2]
    assert days[2] not in warehouse.catalog.dates(written)
    assert warehouse.catalog.storage.folders(f"{warehouse.catalog.table_path(written)}/.staging") == []
