"""The versions that `make demo-cluster` compares."""

from pathlib import Path

from local.demo_on_cluster import _versions
from tests.warehouse.conftest import publish
from warehouse.catalog import Catalog
from warehouse.status import expected
from warehouse.tables import DERIVED_TABLES

DATES = ["2023-07-13", "2023-07-14", "2023-07-15", "2023-07-16"]


def test_a_complete_warehouse_has_a_version_of_every_partition(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path.as_uri(), "test")
    for table in DERIVED_TABLES:
        for date in DATES:
            if expected(table, date):
                publish(catalog, table, date, ["a"])
    versions = _versions(catalog, DATES)
    assert None not in versions.values()
    assert {date for _, date in versions} == set(DATES)
    assert {table for table, _ in versions} == {table.folder for table in DERIVED_TABLES}


def test_missing_partitions_have_no_version(tmp_path: Path) -> None:
    assert set(_versions(Catalog(tmp_path.as_uri(), "test"), DATES).values()) == {None}
