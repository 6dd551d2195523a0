import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.training.logs import World
from training.cli import main
from warehouse.catalog import Catalog


@pytest.fixture(autouse=True)
def one_thread():
    """The runs are tiny: threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Published:
    """A world, where it is published, and a training run on it."""

    world: World
    folder: Path
    catalog: Catalog

    def arguments(self, artifacts: Path, *more: str) -> list[str]:
        return [
            *("train", "--warehouse", self.folder.as_uri(), "--dataset", "demo", "--as-of", self.world.last_date),
            *("--train-days", str(self.world.days - 1), "--epochs", "3", "--batch-size", "256"),
            *("--artifacts", str(artifacts), *more),
        ]


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Published:
    """Read only: tests that change a warehouse publish their own."""
    world, folder = World(), tmp_path_factory.mktemp("warehouse")
    return Published(world, folder, world.publish(folder))


@pytest.fixture
def own_published(tmp_path) -> Published:
    world, folder = World(days=4, rows=800), tmp_path / "warehouse"
    folder.mkdir()
    return Published(world, folder, world.publish(folder))


@pytest.fixture(scope="session")
def finished(published, tmp_path_factory) -> tuple[Path, dict]:
    """A run's folder and the summary it gave. Read only."""
    summary = main(published.arguments(tmp_path_factory.mktemp("artifacts")))
    return Path(summary["artifacts"]), summary


def read_json(path: Path) -> dict:
    def refuse(constant: str):
        raise ValueError(f"{path} holds {constant}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
