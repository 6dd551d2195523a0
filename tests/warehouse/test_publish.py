"""A reader sees the old partition, the new one or none, whatever happens to the run that publishes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.warehouse.conftest import DAY, content, publish, rows_at, stage
from warehouse import publish as publishing
from warehouse.catalog import Catalog
from warehouse.publish import StagedPartition
from warehouse.tables import LOGS

FILE_SYSTEMS = ("file", "memory", "hdfs")
CHANGES = ("rename_folder", "remove", "write_text", "make_folder")


class KilledError(BaseException):
    """The process is gone: nothing it would have done afterwards happens."""


def kill_at(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Lets the storage make `step` changes and no other. The list fills with those asked for."""
    asked: list[str] = []

    def dying(name: str) -> None:
        change = getattr(catalog.storage, name)

        def changed(*arguments: str) -> None:
            asked.append(name)
            if len(asked) > step:
                raise KilledError
            change(*arguments)

        monkeypatch.setattr(catalog.storage, name, changed)

    for name in CHANGES:
        dying(name)
    return asked


def hidden(catalog: Catalog) -> list[str]:
    """Runs that have left something behind."""
    kinds = [catalog.storage.path(LOGS.name("test"), kind) for kind in (".staging", ".trash")]
    return [run for kind in kinds for run in catalog.storage.folders(kind)]


def run_id(age: timedelta) -> str:
    return f"{(datetime.now(UTC) - age).strftime('%Y%m%dT%H%M%SZ')}-0123abcd"


def test_a_staged_partition_is_not_seen_before_it_is_published(catalog: Catalog) -> None:
    with StagedPartition(catalog, LOGS, DAY) as staged:
        stage(catalog, staged, ["a"])
        assert catalog.dates(LOGS) == []
        assert rows_at(catalog, LOGS, DAY) is None
        staged.publish(content(["a"], LOGS), [])
        assert catalog.dates(LOGS) == [DAY]
        assert rows_at(catalog, LOGS, DAY) == ["a"]


def test_a_rerun_leaves_no_file_of_the_partition_before(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a", "b"])
    publish(catalog, LOGS, DAY, ["c"])
    assert rows_at(catalog, LOGS, DAY) == ["c"]


def test_publishing_leaves_nothing_behind(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    publish(catalog, LOGS, DAY, ["b"])
    assert hidden(catalog) == []


def test_an_empty_partition_is_published_and_replaces_a_full_one(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    publish(catalog, LOGS, DAY, [])
    assert catalog.dates(LOGS) == [DAY]
    assert rows_at(catalog, LOGS, DAY) == []


def test_other_dates_stay_as_they_are(catalog: Catalog) -> None:
    publish(catalog, LOGS, "2023-07-19", ["a"])
    publish(catalog, LOGS, DAY, ["b"])
    assert rows_at(catalog, LOGS, "2023-07-19") == ["a"]


def test_a_stage_that_fails_leaves_the_old_partition_and_nothing_else(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])

    def fail_while_writing() -> None:
        with StagedPartition(catalog, LOGS, DAY) as staged:
            stage(catalog, staged, ["b"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_while_writing()
    assert rows_at(catalog, LOGS, DAY) == ["a"]
    assert hidden(catalog) == []


@pytest.mark.parametrize("old", [None, ["a", "b"]])
def test_a_run_killed_before_any_step_leaves_old_new_or_none_and_a_rerun_repairs_it(
    catalog: Catalog, old: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    killed = True
    while killed:
        if old is None:
            catalog.storage.remove(catalog.table_path(LOGS))
        else:
            publish(catalog, LOGS, DAY, old)
        with monkeypatch.context() as patch:
            asked = kill_at(catalog, patch, step=len(seen))
            try:
                publish(catalog, LOGS, DAY, ["new"])
                killed = False
            except KilledError:
                killed = True
        seen.append(rows_at(catalog, LOGS, DAY))
        publish(catalog, LOGS, DAY, ["new"])
        assert rows_at(catalog, LOGS, DAY) == ["new"]
    assert asked.count("rename_folder") == (1 if old is None else 2)
    assert [rows for rows, before in zip(seen, [object(), *seen], strict=False) if rows != before] == (
        [None, ["new"]] if old is None else [old, None, ["new"]]
    )


def test_leftovers_of_a_killed_run_are_removed_a_day_later(catalog: Catalog) -> None:
    for kind in (".staging", ".trash"):
        folder = catalog.storage.path(LOGS.name("test"), kind)
        catalog.storage.write_text(f"{folder}/{run_id(timedelta(hours=25))}/date={DAY}/a.orc", "a")
    publish(catalog, LOGS, DAY, ["b"])
    assert hidden(catalog) == []


def test_the_staged_partition_of_a_running_run_is_left_alone(catalog: Catalog) -> None:
    other = run_id(timedelta(hours=1))
    catalog.storage.write_text(f"{catalog.storage.path(LOGS.name('test'), '.staging')}/{other}/date={DAY}/a.orc", "a")
    publish(catalog, LOGS, DAY, ["b"])
    assert hidden(catalog) == [other]


def test_of_two_runs_of_one_date_the_later_to_publish_stays(catalog: Catalog) -> None:
    with StagedPartition(catalog, LOGS, DAY) as first, StagedPartition(catalog, LOGS, DAY) as second:
        stage(catalog, first, ["first"])
        stage(catalog, second, ["second"])
        second.publish(content(["second"], LOGS), [])
        first.publish(content(["first"], LOGS), [])
    assert rows_at(catalog, LOGS, DAY) == ["first"]
    assert hidden(catalog) == []


@pytest.mark.parametrize("between", [1, 2])
def test_a_run_that_publishes_between_two_steps_of_another_is_replaced_whole(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, between: int
) -> None:
    """Before the first rename it puts its own partition there, before the second the place is no longer free."""
    publish(catalog, LOGS, DAY, ["old", "older"])
    rename, renames = catalog.storage.rename_folder, []

    def interrupted(source: str, target: str) -> None:
        renames.append(target)
        if len(renames) == between:
            publish(Catalog(catalog.storage.root, "test"), LOGS, DAY, ["other"])
        rename(source, target)

    monkeypatch.setattr(catalog.storage, "rename_folder", interrupted)
    publish(catalog, LOGS, DAY, ["mine"])
    assert rows_at(catalog, LOGS, DAY) == ["mine"]
    assert hidden(catalog) == []


def test_a_run_goes_on_where_another_has_taken_the_old_partition_away(
    local: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(local, LOGS, DAY, ["old"])
    rename, renames = local.storage.rename_folder, []

    def taken_away(source: str, target: str) -> None:
        renames.append(target)
        if len(renames) == 1:
            local.storage.remove(source)
        rename(source, target)

    monkeypatch.setattr(local.storage, "rename_folder", taken_away)
    publish(local, LOGS, DAY, ["mine"])
    assert rows_at(local, LOGS, DAY) == ["mine"]


def test_a_target_that_stays_occupied_is_an_error(local: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(source: str, target: str) -> None:
        tried.append((source, target))
        raise FileExistsError(target)

    monkeypatch.setattr(local.storage, "rename_folder", refuse)
    with pytest.raises(FileExistsError):
        publish(local, LOGS, DAY, ["mine"])
    assert 1 < len(tried) < 100


def test_the_manifest_says_what_was_read_by_whom(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTM2C_CODE_REVISION", "abc123")
    publishing.code_revision.cache_clear()
    before = datetime.now(UTC).replace(microsecond=0)
    day_before = publish(catalog, LOGS, "2023-07-19", ["a"])
    made = publish(
        catalog,
        LOGS,
        DAY,
        ["b"],
        [(LOGS, "2023-07-19")],
        history_start="2023-07-19",
        parameters={"feature_lag_days": 1},
    )
    publishing.code_revision.cache_clear()
    assert catalog.manifest(LOGS, DAY) == made
    assert [(i.table, i.date, i.version) for i in made.inputs] == [("logs", "2023-07-19", day_before.version)]
    assert (made.code_revision, made.history_start, made.parameters) == (
        "abc123",
        "2023-07-19",
        {"feature_lag_days": 1},
    )
    assert before <= datetime.fromisoformat(made.published_at) <= datetime.now(UTC)


def test_two_runs_of_one_moment_have_different_ids(local: Catalog) -> None:
    assert StagedPartition(local, LOGS, DAY).run_id != StagedPartition(local, LOGS, DAY).run_id


def test_the_staged_folder_lies_where_readers_do_not_look(local: Catalog) -> None:
    staged = StagedPartition(local, LOGS, DAY)
    parts = Path(staged.path).relative_to(local.table_path(LOGS)).parts
    assert parts[0].startswith(".")
    assert staged.uri == f"file://{staged.path}"
