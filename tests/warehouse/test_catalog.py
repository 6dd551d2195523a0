"""Where partitions lie and which are there."""

import shutil
from pathlib import Path

import fsspec
import pytest

from tests.warehouse.conftest import DAY, publish, receive
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.tables import LOGS, RAW, TRAIN, TRUTH


@pytest.mark.parametrize("dataset", ["", "../x", "a/b", "a b", "demo-1", "demo\n", "Ω", "*"])
def test_a_dataset_name_that_could_leave_its_folder_is_refused(local: Catalog, dataset: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        Catalog(local.storage.root, dataset)


@pytest.mark.parametrize("dataset", ["10k", "demo", "10m", "A_1"])
def test_the_documented_dataset_names_are_taken(local: Catalog, dataset: str) -> None:
    assert Catalog(local.storage.root, dataset).dataset == dataset


def test_partitions_lie_where_the_contract_says(catalog: Catalog) -> None:
    root = catalog.storage.root
    assert catalog.uri(LOGS, DAY) == f"{root}/logs_test/date={DAY}"
    assert catalog.uri(TRAIN, DAY) == f"{root}/train_test_parquet/date={DAY}"
    assert catalog.uri(TRUTH, DAY) == f"{root}/truth_test/date={DAY}"


def test_a_partitions_uri_begins_as_the_root_was_given_and_leads_to_its_path(catalog: Catalog) -> None:
    assert catalog.uri(LOGS, DAY) == f"{catalog.storage.root}/{LOGS.name('test')}/date={DAY}"
    assert catalog.storage.uri_of(catalog.path(LOGS, DAY)) == catalog.uri(LOGS, DAY)
    assert fsspec.core.url_to_fs(catalog.uri(LOGS, DAY))[1] == catalog.path(LOGS, DAY)


def test_dates_are_ascending_and_other_names_are_not_dates(catalog: Catalog) -> None:
    for name in ("date=2023-07-21", "date=2023-07-09", "date=today", ".staging", "date=2023-07-1", "xdate=2023-07-01"):
        catalog.storage.write_text(f"{catalog.table_path(RAW)}/{name}/a.csv", "x")
    catalog.storage.write_text(f"{catalog.table_path(RAW)}/date=2023-07-05", "a file")
    assert catalog.dates(RAW) == ["2023-07-09", "2023-07-21"]


def test_a_folder_with_a_date_that_does_not_exist_is_named(catalog: Catalog) -> None:
    catalog.storage.write_text(f"{catalog.table_path(RAW)}/date=2023-02-30/a.csv", "x")
    with pytest.raises(ValueError, match=r"raw_test/date=2023-02-30 is not a date.*rename the folder"):
        catalog.dates(RAW)


def test_a_table_that_is_not_there_has_no_dates(catalog: Catalog) -> None:
    assert catalog.dates(LOGS) == []


def test_datasets_do_not_see_each_other(catalog: Catalog) -> None:
    publish(catalog, LOGS, DAY, ["a"])
    assert Catalog(catalog.storage.root, "other").dates(LOGS) == []


def test_the_version_of_raw_data_follows_names_and_content(catalog: Catalog) -> None:
    versions = [catalog.version(RAW, DAY)]
    for name, text in (("a.csv", "1"), ("a.csv", "2"), ("a.csv", "12"), ("b.csv", "1")):
        catalog.storage.write_text(f"{catalog.path(RAW, DAY)}/{name}", text)
        versions.append(catalog.version(RAW, DAY))
    assert versions[0] is None
    assert len(set(versions)) == 5
    catalog.storage.write_text(f"{catalog.path(RAW, DAY)}/b.csv", "1")
    assert catalog.version(RAW, DAY) == versions[-1]


def test_raw_data_in_no_folder_of_a_date_are_named(catalog: Catalog) -> None:
    names = ("date=2023-7-21", "date=20230722", "2023-07-23", "date=2023-07-24 ", "_notes", ".hidden", f"date={DAY}")
    for name in names:
        catalog.storage.write_text(f"{catalog.table_path(RAW)}/{name}/a.csv", "x")
    catalog.storage.write_text(f"{catalog.table_path(RAW)}/a.csv", "x")
    assert catalog.misplaced_raw() == sorted([*names[:4], "a.csv"])


def test_the_version_of_raw_data_does_not_follow_hidden_files(catalog: Catalog) -> None:
    receive(catalog, DAY)
    before = catalog.version(RAW, DAY)
    for name in ("_SUCCESS", ".a.csv.crc", "_logs/x"):
        catalog.storage.write_text(f"{catalog.path(RAW, DAY)}/{name}", "x")
    assert catalog.version(RAW, DAY) == before


def test_raw_data_moved_to_another_root_keep_their_version(
    local: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> None:
    receive(local, DAY)
    version = local.version(RAW, DAY)
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    local.storage.rename_folder(local.storage.path(), str(elsewhere))
    assert Catalog(str(elsewhere), "test").version(RAW, DAY) == version


def test_an_input_is_recorded_at_its_present_version(catalog: Catalog) -> None:
    made = publish(catalog, LOGS, DAY, ["a"])
    assert catalog.input(LOGS, DAY).version == made.version
    assert catalog.input(TRAIN, DAY).version is None


def test_a_partition_copied_to_another_date_is_refused(local: Catalog) -> None:
    publish(local, LOGS, "2023-07-19", ["a"])
    shutil.copytree(local.path(LOGS, "2023-07-19"), local.path(LOGS, DAY))
    with pytest.raises(
        WarehouseError,
        match=f"is the manifest of another partition, logs date=2023-07-19; run the stage for {DAY} again",
    ):
        local.manifest(LOGS, DAY)


def test_data_files_that_are_missing_truncated_or_added_are_refused(local: Catalog) -> None:
    publish(local, LOGS, DAY, ["a", "b"])
    local.require_whole(LOGS, DAY)
    file = Path(local.path(LOGS, DAY)) / "a.orc"
    for damage in (lambda: file.write_text(""), file.unlink, lambda: (file.parent / "c.orc").write_text("c")):
        damage()
        with pytest.raises(WarehouseError, match=f"data files of .*logs_test/date={DAY} are not those"):
            local.require_whole(LOGS, DAY)


def test_a_date_whose_folder_is_a_link_is_a_date(local: Catalog, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_text("raw")
    Path(local.table_path(RAW)).mkdir(parents=True)
    Path(local.path(RAW, DAY)).symlink_to(tmp_path / "elsewhere")
    assert local.dates(RAW) == [DAY]
    assert len(local.files(RAW, DAY)) == 1
