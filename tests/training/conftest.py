import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from threadpoolctl import threadpool_limits

from tests.training.logs import World
from training.cli import main
from training.data.impression_sequences import HISTORY_SCHEMA
from training.tracking.client import tracking
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tiny runs gain nothing from threads, and sums are equal only with the same number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Published:
    """A world, the folder and catalog where it is published, and the arguments of a run on it."""

    world: World
    folder: Path
    catalog: Catalog

    def arguments(self, artifacts: Path, *more: str) -> list[str]:
        return ["train", *self.window(artifacts), "--epochs", "3", "--batch-size", "256", *more]

    def validation_rows(self) -> pa.Table:
        """The rows of the last date with their histories, in the order of a run's predictions."""
        order = ("log_ts", "scene", "user_id", "item_id", "label")
        rows = self.world.tables[self.world.last_date].sort_by([(name, "ascending") for name in order])
        sequences = self.world.sequences(self.world.last_date)
        histories = [sequences.get(user, []) for user in rows["user_id"].to_pylist()]
        for at, field in enumerate(HISTORY_SCHEMA):
            lists = [[impression[at] for impression in history] for history in histories]
            rows = rows.append_column(field, pa.array(lists, field.type))
        return rows

    def window(self, artifacts: Path) -> list[str]:
        return [
            *("--warehouse", self.folder.as_uri(), "--dataset", "demo", "--as-of", self.world.last_date),
            *("--train-days", str(self.world.days - 1), "--artifacts", str(artifacts)),
        ]


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Published:
    """Read only: tests that change a warehouse publish their own."""
    world, folder = World(), tmp_path_factory.mktemp("warehouse")
    return Published(world, folder, world.publish(folder))


@pytest.fixture(scope="session")
def worded(tmp_path_factory) -> Published:
    """A world with texts. Read only."""
    world, folder = World(worded=True, newcomers=0.6), tmp_path_factory.mktemp("worded")
    return Published(world, folder, world.publish(folder))


@pytest.fixture
def own_published(tmp_path) -> Published:
    world, folder = World(days=4, rows=800), tmp_path / "warehouse"
    folder.mkdir()
    return Published(world, folder, world.publish(folder))


@pytest.fixture(scope="session")
def finished(published, tmp_path_factory) -> tuple[Path, dict]:
    """A run's folder and its summary. Read only."""
    summary = main(published.arguments(tmp_path_factory.mktemp("artifacts")))
    return Path(summary["artifacts"]), summary


@pytest.fixture(scope="session")
def finished_content(worded, tmp_path_factory) -> tuple[Path, dict]:
    """A content run's folder and its summary. Read only."""
    artifacts = tmp_path_factory.mktemp("content")
    summary = main(worded.arguments(artifacts, "--model", "mmoe_content", "--text-encoder", "lsa"))
    return Path(summary["artifacts"]), summary


@pytest.fixture(scope="session")
def validated(published, worded, finished, finished_content, tmp_path_factory) -> dict[str, tuple[Path, pa.Table]]:
    """By model, a run's folder and the rows that it was validated on, in the order of its predictions. Read only."""
    artifacts, made = tmp_path_factory.mktemp("runs"), {"dnn": finished[0], "mmoe_content": finished_content[0]}
    modes = {"lr": "combined", "gbdt": "combined", "ple_text": "combined", "mmoe_din_text": "split"}
    for name, mode in modes.items():
        place = worded if "_" in name else published
        more = ["--model", name, "--epochs", "1", "--text-encoder", "lsa", "--text-mode", mode]
        made[name] = Path(main(place.arguments(artifacts, *more))["artifacts"])
    return {name: (run, (worded if "_" in name else published).validation_rows()) for name, run in made.items()}


@pytest.fixture(scope="session")
def new_tracking_database(tmp_path_factory) -> Path:
    """Made once: MLflow takes seconds for it."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with tracking(f"sqlite:///{file}") as client:
        client.search_experiments()
    return file


@pytest.fixture
def tracking_uri(new_tracking_database, tmp_path) -> str:
    file = tmp_path / "mlflow" / "mlflow.db"
    file.parent.mkdir()
    shutil.copy(new_tracking_database, file)
    return f"sqlite:///{file}"


def near(value):
    """The value, with numbers compared to 1e-6."""
    if isinstance(value, dict):
        return {key: near(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [near(entry) for entry in value]
    return pytest.approx(value, abs=1e-6) if isinstance(value, float) else value


def command(arguments) -> subprocess.Popen:
    """The CLI in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "training", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_json(path: Path) -> dict:
    def refuse(constant: str):
        raise ValueError(f"{path} holds {constant}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def kill_in_the_middle(arguments: list[str], beside_one_like_it: bool = False) -> subprocess.Popen | None:
    """Start a run and kill it after its second epoch; if asked, only when another one of its kind is as far."""
    killed, like_it = command(arguments), None
    said_up_to_second_epoch(killed)
    if beside_one_like_it:
        killed.send_signal(signal.SIGSTOP)  # it must not end meanwhile
        like_it = command(arguments)
        assert "the same training is running in another process" in said_up_to_second_epoch(like_it)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL, "the run should not have come to its end"
    return like_it


def said_up_to_second_epoch(run: subprocess.Popen) -> str:
    said = ""
    for line in run.stdout:
        said += line
        if line.startswith("epoch 2/"):
            break
    return said
