"""The file operations that publishing needs, on each kind of file system."""

from pathlib import Path

import pytest

from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.storage import Storage

FILE_SYSTEMS = ("file", "memory", "hdfs")


@pytest.fixture
def storage(catalog: Catalog) -> Storage:
    return catalog.storage


def test_a_text_is_read_back(storage: Storage) -> None:
    storage.write_text(storage.path("a", "b", "c.txt"), "长\r\n\0")
    assert storage.read_text(storage.path("a", "b", "c.txt")) == "长\r\n\0"


def test_reading_a_missing_file_is_a_file_not_found(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read_text(storage.path("nothing.txt"))


def test_a_renamed_folder_holds_all_it_held(storage: Storage) -> None:
    storage.write_text(storage.path("old", "x", "1"), "1")
    storage.write_text(storage.path("old", "2"), "2")
    storage.rename_folder(storage.path("old"), storage.path("new", "deep", "folder"))
    assert not storage.exists(storage.path("old"))
    assert storage.read_text(storage.path("new", "deep", "folder", "x", "1")) == "1"
    assert storage.read_text(storage.path("new", "deep", "folder", "2")) == "2"


def test_a_folder_is_never_renamed_into_or_over_another(storage: Storage) -> None:
    storage.write_text(storage.path("source", "1"), "1")
    storage.write_text(storage.path("target", "2"), "2")
    with pytest.raises(OSError, match="target"):
        storage.rename_folder(storage.path("source"), storage.path("target"))
    assert [entry["name"] for entry in storage.files(storage.path())] == [
        storage.path("source", "1"),
        storage.path("target", "2"),
    ]


def test_renaming_a_folder_that_is_gone_is_an_error(storage: Storage) -> None:
    with pytest.raises(OSError, match="source"):
        storage.rename_folder(storage.path("source"), storage.path("target"))


def test_removing_takes_all_below_and_allows_absence(storage: Storage) -> None:
    storage.write_text(storage.path("a", "b", "1"), "1")
    storage.write_text(storage.path("c", "2"), "2")
    storage.remove(storage.path("a"))
    storage.remove(storage.path("a"))
    assert [entry["name"] for entry in storage.files(storage.path())] == [storage.path("c", "2")]


def test_files_are_those_a_reader_sees(storage: Storage) -> None:
    for name in ("scene=1/b.orc", "scene=0/a.orc", "_manifest.json", ".staging/r/a.orc", "scene=0/.a.orc.crc"):
        storage.write_text(storage.path("t", *name.split("/")), name)
    assert [(entry["name"], entry["size"]) for entry in storage.files(storage.path("t"))] == [
        (storage.path("t", "scene=0", "a.orc"), 13),
        (storage.path("t", "scene=1", "b.orc"), 13),
    ]


def test_folders_are_names_without_files(storage: Storage) -> None:
    for name in ("b/1", "a/1", "c"):
        storage.write_text(storage.path("t", *name.split("/")), "x")
    assert storage.folders(storage.path("t")) == ["a", "b"]
    assert storage.folders(storage.path("nothing")) == []
    assert storage.folders(storage.path("t", "c")) == []


@pytest.mark.parametrize("written", ["{0}", "{0}/", "file://{0}", "file://{0}/"])
def test_a_root_may_be_a_path_or_a_uri_with_or_without_a_slash(tmp_path: Path, written: str) -> None:
    root = tmp_path / "数据 仓库"
    storage = Storage(written.format(root))
    storage.write_text(storage.path("a", "b"), "x")
    assert (root / "a" / "b").read_text() == "x"
    assert storage.uri("a", "b") == f"file://{root}/a/b"


def test_a_relative_root_is_taken_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Storage("var/warehouse").root == f"file://{tmp_path}/var/warehouse"


@pytest.mark.parametrize(
    "root",
    ["", "file://data", "hdfs:/data", "hdfs:", "file:/data", "hdfs://h:1//data", "hdfs://h:1/a/../b", "file:///./a"],
)
def test_a_root_that_fsspec_and_spark_may_take_for_different_places_is_refused(root: str) -> None:
    with pytest.raises(WarehouseError, match=r"write a path, or a URI such as file:///data or hdfs://host:port/data"):
        Storage(root)


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(
        WarehouseError, match=r"'nowhere://x' cannot be opened: .*; write a path, or a URI such as file:///data"
    ):
        Storage("nowhere://x")
