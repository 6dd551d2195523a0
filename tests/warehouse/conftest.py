"""Small hand-made partitions in a local folder, on HDFS and on a file system in memory."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from warehouse.catalog import Catalog
from warehouse.manifest import Input, Manifest
from warehouse.publish import Content, StagedPartition
from warehouse.tables import RAW, Table

DAY = "2023-07-20"
COLUMNS = [["user_id", "string"]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module whose tests also run on HDFS, where each small file takes half a second, says so."""
    if "catalog" in metafunc.fixturenames:
        metafunc.parametrize("catalog", getattr(metafunc.module, "FILE_SYSTEMS", ("file", "memory")), indirect=True)


@pytest.fixture
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    if request.param == "file":
        yield Catalog(f"file://{tmp_path}", "test")
        return
    if request.param == "hdfs":
        yield Catalog(f"{request.getfixturevalue('hdfs').uri}/{uuid4().hex}", "test")
        return
    root = f"memory://{uuid4().hex}"
    yield Catalog(root, "test")
    memory = fsspec.filesystem("memory")
    if memory.exists(root):
        memory.rm(root, recursive=True)


@pytest.fixture
def local(tmp_path: Path) -> Catalog:
    return Catalog(f"file://{tmp_path}", "test")


def dates_from(first: str, number: int) -> list[str]:
    return [(date.fromisoformat(first) + timedelta(days=i)).isoformat() for i in range(number)]


def publish(
    catalog: Catalog, table: Table, day: str, rows: list[str], inputs: list[tuple[Table, str]] = (), **more: object
) -> Manifest:
    """Publishes a partition with a file a row, named after what it holds."""
    with StagedPartition(catalog, table, day) as staged:
        stage(catalog, staged, rows)
        return staged.publish(content(rows, table), [catalog.input(*source) for source in inputs], **more)


def stage(catalog: Catalog, staged: StagedPartition, rows: list[str]) -> None:
    for row in rows:
        catalog.storage.write_text(f"{staged.path}/{row}.orc", row)


def content(rows: list[str], table: Table) -> Content:
    return Content(rows=len(rows), columns=columns_of(table), checksum=",".join(sorted(rows)))


def columns_of(table: Table) -> list[list[str]]:
    return [list(column) for column in table.columns]


def receive(catalog: Catalog, day: str, text: str = "raw", table: Table = RAW) -> None:
    catalog.storage.write_text(f"{catalog.path(table, day)}/a.csv", text)


def rows_at(catalog: Catalog, table: Table, day: str) -> list[str] | None:
    """What a reader finds: None where nothing is published. Fails on a mixture of two partitions."""
    manifest = Catalog(catalog.storage.root, catalog.dataset).manifest(table, day)
    files = catalog.storage.files(catalog.path(table, day))
    rows = [catalog.storage.read_text(entry["name"]) for entry in files]
    if manifest is None:
        assert rows == []
        return None
    assert manifest.checksum == ",".join(sorted(rows))
    return rows


def record(catalog: Catalog, table: Table, day: str, version: str, inputs: list[Input], **more: object) -> Manifest:
    """Puts a manifest straight into place, for chains whose versions a test chooses."""
    given = {"table": table.folder, "date": day, "rows": 1, "columns": columns_of(table), "checksum": ""}
    others = {"version": version, "inputs": inputs, "code_revision": "", "run_id": "", "published_at": ""}
    manifest = Manifest(**{**given, **others, **more})
    catalog.storage.write_text(f"{catalog.path(table, day)}/_manifest.json", manifest.to_json())
    return manifest
