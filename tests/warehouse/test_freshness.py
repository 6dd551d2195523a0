"""A partition is fresh while all it was computed from is still what is published."""

import hashlib
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.warehouse.conftest import DAY, dates_from, publish, receive, record
from warehouse import raw_files
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.freshness import Freshness, State
from warehouse.manifest import Input, Manifest
from warehouse.tables import (
    DAILY_USER,
    DERIVED_TABLES,
    FEATURES_USER,
    LOGS,
    RAW,
    TABLES,
    TRAIN,
    Table,
)

Key = tuple[str, str]
DATES = dates_from("2023-07-01", 5)


class Graph:
    """Random manifests, each read from partitions of tables before its own or of dates before its own."""

    def __init__(self, catalog: Catalog, rng: random.Random) -> None:
        self.catalog, self.rng = catalog, rng
        self.published: dict[Key, Manifest] = {}
        for day in DATES:
            receive(catalog, day)
            for table in DERIVED_TABLES:
                if rng.random() < 0.9:
                    self.publish(table, day)

    def version(self, folder: str, day: str) -> str | None:
        if folder == "raw":
            return self.catalog.version(RAW, day)
        manifest = self.published.get((folder, day))
        return manifest.version if manifest else None

    def publish(self, table: Table, day: str) -> None:
        """From 0 to 4 inputs; some are absent, and recorded as such."""
        possible = [(other.folder, date) for date in DATES if date < day for other in DERIVED_TABLES]
        possible += [(other.folder, day) for other in DERIVED_TABLES[: DERIVED_TABLES.index(table)]]
        chosen = (
            [("raw", day)] if table is LOGS else self.rng.sample(possible, min(self.rng.randrange(5), len(possible)))
        )
        inputs = [
            self.catalog.input(RAW, on) if folder == "raw" else Input(folder, on, self.version(folder, on))
            for folder, on in chosen
        ]
        version = f"{self.rng.random()}"
        self.published[table.folder, day] = record(self.catalog, table, day, version, inputs)

    def withdraw(self, table: Table, day: str) -> None:
        self.catalog.storage.remove(self.catalog.path(table, day))
        self.published.pop((table.folder, day), None)

    def disturb(self) -> None:
        table, day = self.rng.choice((RAW, *DERIVED_TABLES)), self.rng.choice(DATES)
        if table is RAW and self.rng.random() < 0.5:
            receive(self.catalog, day, "late data" * self.rng.randrange(1, 9))
        elif table is RAW or self.rng.random() < 0.3:
            self.withdraw(table, day)
        else:
            self.publish(table, day)

    def state(self, folder: str, day: str) -> State:
        """The definition, without memory."""
        manifest = self.published.get((folder, day))
        if manifest is None:
            return State.MISSING
        for source in manifest.inputs:
            now = self.version(source.table, source.date)
            if source.table == "raw":
                if now not in (None, source.version):
                    return State.STALE
            elif now != source.version or (
                now is not None and self.state(source.table, source.date) is not State.FRESH
            ):
                return State.STALE
        return State.FRESH


@pytest.mark.parametrize("seed", range(12))
def test_every_verdict_equals_the_definition_on_random_graphs(local: Catalog, seed: int) -> None:
    rng = random.Random(seed)
    graph = Graph(local, rng)
    for _ in range(4):
        graph.disturb()
        wanted = [(table, day) for table in DERIVED_TABLES for day in DATES]
        rng.shuffle(wanted)
        freshness = Freshness(local)
        for table, day in wanted:
            assert freshness.verdict(table, day).state is graph.state(table.folder, day), (table.folder, day)


@pytest.mark.parametrize("seed", range(12))
def test_verdicts_follow_what_is_published_meanwhile(local: Catalog, seed: int) -> None:
    rng = random.Random(seed)
    graph, freshness = Graph(local, rng), Freshness(local)
    for _ in range(8):
        table, day = rng.choice(DERIVED_TABLES), rng.choice(DATES)
        graph.publish(table, day)
        freshness.republished(table, day)
        for table, day in ((table, day) for table in DERIVED_TABLES for day in DATES):
            assert freshness.verdict(table, day).state is graph.state(table.folder, day), (table.folder, day)


@pytest.mark.parametrize("seed", range(12))
def test_late_data_makes_stale_exactly_what_was_computed_from_it(local: Catalog, seed: int) -> None:
    """The dependents are found the other way round: from the late date along who read whom."""
    graph = Graph(local, random.Random(seed))
    before = Freshness(local)
    assert {before.verdict(t, d).state for t in DERIVED_TABLES for d in DATES} == {State.FRESH, State.MISSING}
    late = ("logs", DATES[1])
    if late not in graph.published:
        graph.publish(LOGS, DATES[1])
    reached = {late}
    while more := {
        key
        for key, manifest in graph.published.items()
        if key not in reached and any((source.table, source.date) in reached for source in manifest.inputs)
    }:
        reached |= more
    record(local, LOGS, DATES[1], "late", graph.published[late].inputs)
    after = Freshness(local)
    stale = {(t.folder, d) for t in DERIVED_TABLES for d in DATES if after.verdict(t, d).state is State.STALE}
    assert stale == reached - {late}


@contextmanager
def recursion_limit(depth: int) -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, list[str]]:
    """2,000 dates of snapshots, each resting on the one before; the first date's logs came late. Not to be changed."""
    local = Catalog(str(tmp_path_factory.mktemp("long")), "test")
    dates = dates_from("2018-01-01", 2_000)
    record(local, DAILY_USER, dates[0], "late", [])
    for number, day in enumerate(dates):
        inputs = (
            [Input("daily_user", dates[0], "v")] if number == 0 else [Input("features_user", dates[number - 1], "v")]
        )
        record(local, FEATURES_USER, day, "v", inputs)
    record(local, TRAIN, dates[-1], "v", [Input("features_user", dates[-1], "v")])
    return local, dates


def test_a_history_of_2000_dates_is_judged_from_its_end_without_deep_recursion(
    long_history: tuple[Catalog, list[str]],
) -> None:
    catalog, dates = long_history
    with recursion_limit(400):
        assert Freshness(catalog).verdict(TRAIN, dates[-1]).state is State.STALE


def test_a_reason_does_not_grow_with_the_history(long_history: tuple[Catalog, list[str]]) -> None:
    catalog, dates = long_history
    (sentence,) = Freshness(catalog).problems([(TRAIN, dates[-1])])
    assert sentence == (
        f"train_test_parquet date={dates[-1]} is stale: features_user date={dates[-1]} is stale "
        f"because daily_user date={dates[0]} has changed"
    )


def test_partitions_stale_for_one_cause_name_the_same(long_history: tuple[Catalog, list[str]]) -> None:
    catalog, dates = long_history
    freshness = Freshness(catalog)
    causes = {freshness.verdict(FEATURES_USER, day).cause for day in dates}
    assert causes == {f"daily_user date={dates[0]} has changed"}


def test_a_manifest_is_read_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(catalog, LOGS, DATES[0], ["a"])
    for day in DATES[1:]:
        publish(catalog, LOGS, day, [day], [(LOGS, DATES[0])])
    read, reading = [], catalog.manifest

    def counted(table: Table, day: str) -> Manifest | None:
        read.append((table.folder, day))
        return reading(table, day)

    monkeypatch.setattr(catalog, "manifest", counted)
    freshness = Freshness(catalog)
    assert all(freshness.verdict(LOGS, day).fresh for day in [*reversed(DATES), *DATES])
    assert sorted(read) == [("logs", day) for day in DATES]


def test_nothing_published_is_missing_and_says_where(catalog: Catalog) -> None:
    verdict = Freshness(catalog).verdict(LOGS, DAY)
    assert verdict.state is State.MISSING
    assert catalog.uri(LOGS, DAY) in verdict.reason


def test_late_raw_data_makes_logs_stale(catalog: Catalog) -> None:
    receive(catalog, DAY)
    publish(catalog, LOGS, DAY, ["a"], [(RAW, DAY)])
    assert Freshness(catalog).verdict(LOGS, DAY).fresh
    catalog.storage.write_text(f"{catalog.path(RAW, DAY)}/late.csv", "more")
    assert Freshness(catalog).verdict(LOGS, DAY).reason == f"raw date={DAY} has changed since it was read"


def test_archived_raw_data_leave_logs_fresh(catalog: Catalog) -> None:
    receive(catalog, DAY)
    publish(catalog, LOGS, DAY, ["a"], [(RAW, DAY)])
    catalog.storage.remove(catalog.path(RAW, DAY))
    assert Freshness(catalog).verdict(LOGS, DAY).fresh


def test_raw_data_removed_from_a_folder_that_stays_leave_logs_fresh(local: Catalog) -> None:
    receive(local, DAY)
    publish(local, LOGS, DAY, ["a"], [(RAW, DAY)])
    Path(local.path(RAW, DAY), "a.csv").unlink()
    assert Freshness(local).verdict(LOGS, DAY).fresh


def test_a_restored_backup_of_raw_data_is_fresh_and_other_content_of_the_same_size_is_not(local: Catalog) -> None:
    receive(local, DAY, "0123")
    publish(local, LOGS, DAY, ["a"], [(RAW, DAY)])
    file = Path(local.path(RAW, DAY)) / "a.csv"
    os.utime(file, (1, 1))
    assert Freshness(local).verdict(LOGS, DAY).fresh
    file.write_text("4567")
    os.utime(file, (1, 2))
    assert Freshness(local).verdict(LOGS, DAY).state is State.STALE


def test_raw_data_whose_sizes_and_times_are_as_recorded_are_not_read(
    local: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(local, DAY)
    publish(local, LOGS, DAY, ["a"], [(RAW, DAY)])
    monkeypatch.setattr(raw_files, "_checksum", Mock(side_effect=AssertionError("it was read")))
    assert Freshness(local).verdict(LOGS, DAY).fresh
    Path(local.path(RAW, DAY), "a.csv").write_text("more than before")
    assert not Freshness(local).verdict(LOGS, DAY).fresh


def test_a_touched_raw_file_is_read_once(local: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    receive(local, DAY)
    publish(local, LOGS, DAY, ["a"], [(RAW, DAY)])
    os.utime(Path(local.path(RAW, DAY)) / "a.csv", (1, 1))
    read = Mock(side_effect=raw_files._read_checksum)
    monkeypatch.setattr(raw_files, "_read_checksum", read)
    assert all(Freshness(local).verdict(LOGS, DAY).fresh for _ in range(3))
    assert read.call_count == 1


@pytest.mark.parametrize("link", ["file", "folder"])
def test_raw_data_behind_a_link_are_followed(local: Catalog, tmp_path: Path, link: str) -> None:
    landing, folder = tmp_path / "landing", Path(local.path(RAW, DAY))
    landing.mkdir()
    (landing / "a.csv").write_text("0")
    folder.parent.mkdir(parents=True)
    if link == "folder":
        folder.symlink_to(landing)
    else:
        folder.mkdir()
        (folder / "a.csv").symlink_to(landing / "a.csv")
    publish(local, LOGS, DAY, ["a"], [(RAW, DAY)])
    assert Freshness(local).verdict(LOGS, DAY).fresh
    (landing / "a.csv").write_text("1")
    os.utime(landing / "a.csv", (1, 1))
    assert Freshness(local).verdict(LOGS, DAY).reason == f"raw date={DAY} has changed since it was read"


def test_a_manifest_from_before_raw_files_were_recorded_is_judged_by_sizes_and_times(local: Catalog) -> None:
    receive(local, DAY)
    file = Path(local.path(RAW, DAY)) / "a.csv"
    os.utime(file, (1689811200, 1689811200))
    # As this version was computed then.
    version = hashlib.sha256(repr([("/a.csv", 3, "1689811200.0")]).encode()).hexdigest()[:16]
    record(local, LOGS, DAY, "v", [Input("raw", DAY, version)])
    assert Freshness(local).verdict(LOGS, DAY).fresh
    os.utime(file, (1689811200, 1689811201))
    assert not Freshness(local).verdict(LOGS, DAY).fresh


def test_a_rerun_with_equal_content_makes_nothing_stale(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    publish(catalog, DAILY_USER, DAY, ["b"], [(LOGS, DAY)])
    publish(catalog, LOGS, DAY, ["a"])
    assert Freshness(catalog).verdict(DAILY_USER, DAY).fresh


@pytest.mark.parametrize("happened", ["has changed", "is no longer published", "arrived later"])
def test_the_reason_says_what_happened_to_the_input(catalog: Catalog, happened: str) -> None:
    if happened != "arrived later":
        publish(catalog, LOGS, DAY, ["a"])
    publish(catalog, DAILY_USER, DAY, ["b"], [(LOGS, DAY)])
    if happened == "is no longer published":
        catalog.storage.remove(catalog.path(LOGS, DAY))
    else:
        publish(catalog, LOGS, DAY, ["late"])
    verdict = Freshness(catalog).verdict(DAILY_USER, DAY)
    assert (verdict.state, verdict.reason) == (State.STALE, f"logs date={DAY} {happened}")


def test_an_absent_input_that_stays_absent_leaves_a_partition_fresh(catalog: Catalog) -> None:
    publish(catalog, DAILY_USER, DAY, ["b"], [(LOGS, DAY)])
    assert Freshness(catalog).verdict(DAILY_USER, DAY).fresh


def test_logs_older_than_the_history_make_cumulative_values_stale(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    publish(catalog, FEATURES_USER, DAY, ["b"], [(LOGS, DAY)], history_start=DAY)
    assert Freshness(catalog).verdict(FEATURES_USER, DAY).fresh
    publish(catalog, LOGS, "2023-07-01", ["c"])
    assert (
        Freshness(catalog).verdict(FEATURES_USER, DAY).reason
        == f"it was computed when the first logs were of {DAY}, but now there are older ones"
    )


def test_a_partition_of_another_schema_is_stale(catalog: Catalog) -> None:
    publish(catalog, DAILY_USER, DAY, ["a"])
    manifest = catalog.manifest(DAILY_USER, DAY)
    record(catalog, DAILY_USER, DAY, manifest.version, [], columns=manifest.columns[:-1])
    verdict = Freshness(catalog).verdict(DAILY_USER, DAY)
    assert (verdict.state, verdict.reason) == (State.STALE, "the columns of its table have changed")


@pytest.mark.parametrize(("lag", "state"), [(0, State.LEAKY), (1, State.FRESH)])
def test_a_table_joined_for_the_leakage_audit_is_never_fresh(catalog: Catalog, lag: int, state: State) -> None:
    publish(catalog, TRAIN, DAY, ["a"], parameters={"feature_lag_days": lag})
    assert Freshness(catalog).verdict(TRAIN, DAY).state is state


def test_a_partition_published_meanwhile_counts_once_it_is_reported(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    publish(catalog, DAILY_USER, DAY, ["b"], [(LOGS, DAY)])
    publish(catalog, LOGS, DAY, ["late"])
    freshness = Freshness(catalog)
    assert not freshness.verdict(DAILY_USER, DAY).fresh
    publish(catalog, DAILY_USER, DAY, ["c"], [(LOGS, DAY)])
    assert not freshness.verdict(DAILY_USER, DAY).fresh
    freshness.republished(DAILY_USER, DAY)
    assert freshness.verdict(DAILY_USER, DAY).fresh


def test_problems_name_partitions_as_folders_do(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    (sentence,) = Freshness(catalog).problems([(LOGS, DAY), (TRAIN, DAY)])
    assert sentence == (f"train_test_parquet date={DAY} is missing: nothing is published at {catalog.uri(TRAIN, DAY)}")


@pytest.mark.parametrize("mistyped", ["1970-01-01", "9999-12-31"])
def test_a_date_years_from_the_others_is_taken_for_a_mistyped_one(local: Catalog, mistyped: str) -> None:
    receive(local, DAY)
    receive(local, "2024-07-20")
    assert len(Freshness(local).known_dates()) == 2
    receive(local, mistyped)
    with pytest.raises(WarehouseError, match=f"{mistyped}.* must be wrong"):
        Freshness(local).known_dates()


def test_every_table_that_may_be_an_input_is_known_by_its_folder() -> None:
    assert {table.folder: table for table in (RAW, *DERIVED_TABLES)}.items() <= TABLES.items()
