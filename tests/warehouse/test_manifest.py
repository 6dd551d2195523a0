"""Manifests are read back as written, and versions depend only on the content."""

import json
from dataclasses import asdict
from unittest.mock import Mock

import pytest

from tests.warehouse.conftest import COLUMNS, DAY, publish
from warehouse.catalog import Catalog
from warehouse.errors import StorageError
from warehouse.manifest import Input, Manifest, RawFile, RawInput, partition_version
from warehouse.tables import LOGS, RAW

MANIFEST = Manifest(
    table="logs",
    date=DAY,
    rows=3,
    columns=COLUMNS,
    checksum="c",
    version="v",
    inputs=[
        RawInput("raw", DAY, "1", (RawFile("a.csv", 3, "1.5", "c"),)),
        Input("raw", DAY, "1"),
        Input("logs", "2023-07-19", None),
    ],
    code_revision="abc",
    run_id="run-长",
    published_at="2023-07-21T00:00:00+00:00",
    history_start="2023-07-01",
    parameters={"feature_lag_days": 1},
    rows_in=5,
    rejects={"malformed": 2},
)


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


@pytest.mark.parametrize("name", ["history_start", "parameters", "rows_in", "rejects"])
def test_a_manifest_without_an_optional_field_is_read(name: str) -> None:
    fields = asdict(MANIFEST)
    del fields[name]
    assert Manifest.from_json(json.dumps(fields)).version == "v"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "3", "{}", "\0"),
        MANIFEST.to_json()[:-20],
        json.dumps({**asdict(MANIFEST), "inputs": None}),
        json.dumps({**asdict(MANIFEST), "inputs": [{"table": "raw"}]}),
        json.dumps({**asdict(MANIFEST), "inputs": [{"table": "unheard_of", "date": DAY, "version": "1"}]}),
        json.dumps({**asdict(MANIFEST), "rows": "3"}),
        json.dumps({**asdict(MANIFEST), "rejects": []}),
        json.dumps({**asdict(MANIFEST), "parameters": None}),
        json.dumps({**asdict(MANIFEST), "version": None}),
        json.dumps({**asdict(MANIFEST), "unheard_of": 1}),
        json.dumps({name: value for name, value in asdict(MANIFEST).items() if name != "version"}),
    ],
)
def test_a_damaged_manifest_is_a_sentence_with_its_path_and_what_to_do(catalog: Catalog, text: str) -> None:
    path = f"{catalog.path(LOGS, DAY)}/_manifest.json"
    catalog.storage.write_text(path, text)
    with pytest.raises(ValueError, match="run the stage for this date again") as raised:
        catalog.manifest(LOGS, DAY)
    assert str(raised.value).startswith(f"{catalog.uri(LOGS, DAY)}/_manifest.json is not a valid manifest: ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"history_start": 5},
        {"rows_in": "many"},
        {"rows": -5},
        {"rows": True},
        {"version": ""},
        {"files": "x"},
        {"files": [["a"]]},
        {"files": [["a", "b"]]},
        {"files": [3]},
        {"rejects": {"malformed": True}},
        {"parameters": {"feature_lag_days": "x"}},
        {"inputs": [3]},
        {"inputs": [{"table": "raw", "date": DAY, "version": "1", "files": 3}]},
        {"inputs": [{"table": "raw", "date": DAY, "version": "1", "files": [["a.csv"]]}]},
        {"inputs": [{"table": "raw", "date": DAY, "version": "1", "files": [["a.csv", "3", "", "c"]]}]},
        {"inputs": [{"table": ["logs"], "date": DAY, "version": None}]},
        {"inputs": [{"table": "logs", "date": DAY, "version": None}]},
    ],
)
def test_values_of_a_wrong_type_are_a_damaged_manifest(local: Catalog, wrong: dict) -> None:
    made = publish(local, LOGS, DAY, ["a"])
    text = json.dumps({**json.loads(made.to_json()), **wrong})
    local.storage.write_text(f"{local.path(LOGS, DAY)}/_manifest.json", text)
    with pytest.raises(ValueError, match="run the stage for this date again"):
        local.manifest(LOGS, DAY)


def test_a_server_that_is_down_is_not_a_damaged_manifest(local: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.storage, "read_text", Mock(side_effect=StorageError("all DataNodes failed")))
    with pytest.raises(StorageError, match=r"^all DataNodes failed$"):
        local.manifest(LOGS, DAY)


def test_bytes_that_are_not_text_are_a_damaged_manifest(local: Catalog) -> None:
    path = f"{local.path(LOGS, DAY)}/_manifest.json"
    local.storage.make_folder(local.path(LOGS, DAY))
    with local.storage.filesystem.open(path, "wb") as file:
        file.write(b"\xff\xfe{")
    with pytest.raises(ValueError, match="run the stage for this date again"):
        local.manifest(LOGS, DAY)


def test_publishing_again_repairs_a_damaged_manifest(catalog: Catalog) -> None:
    catalog.storage.write_text(f"{catalog.path(LOGS, DAY)}/_manifest.json", "{")
    made = publish(catalog, LOGS, DAY, ["a"])
    assert catalog.manifest(LOGS, DAY) == made


def test_a_version_does_not_depend_on_when_by_whom_or_from_what_it_was_made(catalog: Catalog) -> None:
    first = publish(catalog, LOGS, DAY, ["a", "b"])
    again = publish(catalog, LOGS, DAY, ["b", "a"], [(RAW, DAY)], history_start=DAY, parameters={"x": 1})
    assert again.run_id != first.run_id
    assert again.version == first.version


def test_a_version_does_not_depend_on_table_or_date(catalog: Catalog) -> None:
    """Equal content is equal: a partition copied to another dataset keeps its version."""
    assert publish(catalog, LOGS, DAY, ["a"]).version == publish(catalog, LOGS, "2023-07-21", ["a"]).version


@pytest.mark.parametrize(
    "other",
    [
        ([["user_id", "bigint"]], 2, "c"),
        ([["item_id", "string"]], 2, "c"),
        ([*COLUMNS, ["x", "int"]], 2, "c"),
        (COLUMNS, 3, "c"),
        (COLUMNS, 2, "d"),
    ],
)
def test_a_version_changes_with_schema_rows_and_content(other: tuple) -> None:
    assert partition_version(COLUMNS, 2, "c") != partition_version(*other)
