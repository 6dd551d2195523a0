"""Stages in this process, so that one JVM serves a whole test run."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path

import pyarrow.orc
import pyarrow.parquet
import pytest

from spark_jobs import STAGES
from spark_jobs.common.session import spark_session
from tests.spark_jobs.oracle import SCENES
from warehouse.catalog import Catalog
from warehouse.tables import DERIVED_TABLES, TABLES, Table

DATASET = "test"


class Warehouse:
    """A warehouse below a temporary folder, and the stages' command lines on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.raw = folder / f"raw_{DATASET}"
        self.uri = f"file://{folder}"
        self.catalog = Catalog(self.uri, DATASET)

    def run(self, stage: str, *arguments: str) -> None:
        """Runs a stage's command line. SystemExit stands for its exit status."""
        run_stage(self.catalog, stage, *arguments)

    def run_all(self, *arguments: str) -> None:
        for stage in STAGES:
            lenient = ["--max-reject-rate", "1"] if stage == "csv_to_orc" else []
            self.run(stage, *arguments, *lenient)

    def rows(self, table: Table, day: str) -> list[dict]:
        """Every row of a partition, read without Spark; `scene` comes from the folder's name."""
        folder = Path(self.catalog.path(table, day))
        if "scene" not in table.partitions:
            return read_folder(folder, table)
        return [{**row, "scene": scene} for scene in SCENES for row in read_folder(folder / f"scene={scene}", table)]

    def versions(self, day: str) -> dict[str, str | None]:
        return {
            name: self.catalog.version(table, day) for name, table in TABLES.items() if name not in ("raw", "truth")
        }


def run_stage(catalog: Catalog, stage: str, *arguments: str) -> None:
    place = ["--warehouse", catalog.storage.root, "--dataset", catalog.dataset]
    import_module(f"spark_jobs.{stage}").main([*place, *arguments])


def run_stages(catalog: Catalog, *dates: str) -> None:
    """All stages, with a session of their own where there is none."""
    with spark_session("tests"):
        for stage in STAGES:
            run_stage(catalog, stage, *dates)


def versions(catalog: Catalog) -> dict[tuple[str, str], str | None]:
    """Hashes of the partitions' content, by table and date."""
    return {
        (table.folder, date): catalog.version(table, date) for table in DERIVED_TABLES for date in catalog.dates(table)
    }


def read_folder(folder: Path, table: Table) -> list[dict]:
    read: Callable = {"orc": pyarrow.orc.read_table, "parquet": pyarrow.parquet.read_table}[table.format]
    files = sorted(path for path in folder.glob(f"*.{table.format}"))
    rows = [row for file in files for row in read(pyarrow.OSFile(str(file))).to_pylist()]
    return [{name: naive(value) for name, value in row.items()} for row in rows]


def bag(rows: list[dict]) -> Counter:
    """Rows without order, each as often as it occurs."""
    return Counter(tuple(sorted(row.items(), key=lambda item: item[0])) for row in rows)


def naive(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@pytest.fixture(scope="session", autouse=True)
def one_session() -> Iterator[None]:
    """Every stage of the test run finds this session and leaves it: starting one takes longer than most stages."""
    with spark_session("tests"):
        yield


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path)
