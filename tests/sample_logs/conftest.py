"""Logs made once a test run: the demo's in memory, a small set with deep features as files."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sample_logs.logs import Block, SampleLogs
from sample_logs.settings import PRESETS, Settings
from sample_logs.writing import RAW_FILE, TRUTH_FILE, Writer
from warehouse.catalog import Catalog
from warehouse.tables import RAW, TRUTH

SMALL = replace(PRESETS["10k"], rows=3_001, days=3, users=400, items=500)


@dataclass(frozen=True)
class Made:
    """Logs and their impressions, day by day."""

    logs: SampleLogs
    days: list[list[Block]]

    def column(self, name: str, days: range | None = None) -> np.ndarray:
        """One field of all blocks of some days, by default all."""
        chosen = self.days if days is None else [self.days[day] for day in days]
        return np.concatenate([getattr(block, name) for blocks in chosen for block in blocks])


def make(settings: Settings) -> Made:
    logs = SampleLogs(settings)
    return Made(logs, [list(logs.blocks(day)) for day in range(settings.days)])


@pytest.fixture(scope="session", params=[7, 8], ids=["seed 7", "seed 8"])
def demo(request: pytest.FixtureRequest) -> Made:
    return make(replace(PRESETS["demo"], seed=request.param))


class Written:
    """A dataset of a warehouse below a folder."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        self.catalog = Catalog(str(folder), "test")

    def write(self) -> list[int]:
        """Writes every date. Returns the rows written."""
        writer = Writer(self.catalog, self.settings)
        return [writer.write(day) for day in range(self.settings.days)]

    def raw_file(self, date: str) -> Path:
        return Path(self.catalog.path(RAW, date)) / RAW_FILE

    def truth_file(self, date: str) -> Path:
        return Path(self.catalog.path(TRUTH, date)) / TRUTH_FILE

    def raw(self, date: str) -> list[dict[str, str]]:
        """The date's log as Python's own csv module reads it."""
        with self.raw_file(date).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, strict=True))

    def truth(self, date: str) -> list[dict]:
        return pq.read_table(self.truth_file(date)).to_pylist()

    def contents(self) -> dict[str, bytes]:
        """Every file with what it holds."""
        root = Path(self.catalog.storage.path())
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Not to be changed."""
    made = Written(tmp_path_factory.mktemp("written"), replace(SMALL, deep_features=True))
    made.write()
    return made


@pytest.fixture
def own(tmp_path: Path) -> Written:
    return Written(tmp_path, SMALL)
