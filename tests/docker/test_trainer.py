"""Tasks of the retraining DAG in the trainer's image, with a real daemon and a base image made from this machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.bases.operator import BaseOperator
from airflow.sdk.execution_time.task_runner import _run_execute_callable

from local.processes.waiting import wait_until
from orchestration.assets import MODELS
from orchestration.task_failures import TaskFailure
from orchestration.training_command import run_here
from tests.docker.conftest import Docker
from tests.docker.daemon import containers, docker
from tests.training.logs import World
from warehouse.settings import REPOSITORY, read_settings

pytestmark = pytest.mark.long

WORLD = World(days=3, rows=1_500, worded=True)
WINDOW = {"as_of": WORLD.last_date, "train_days": 2, "val_days": 1, "text_encoder": "lsa"}
FORM = {"model": "mmoe_content", **WINDOW, "epochs": 2, "batch_size": 128, "seed": 7, "notes": "- ein Versuch, 测试"}
TI = SimpleNamespace(dag_id="antm2c_retrain", run_id="monday", task_id="train", map_index=0)
# Airflow's task runner ends a task in this way: a signal makes it call on_kill.
RUNNER = """
import json, signal, sys
from airflow.sdk.execution_time.task_runner import _run_execute_callable
from tests.docker.test_trainer import TI, events, train_task
task = train_task(json.loads(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda number, frame: task.on_kill())
_run_execute_callable({"ti": TI, "outlet_events": events()}, task.execute, task)
"""


@pytest.fixture(scope="module", autouse=True)
def shared(images: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warehouse and folders for runs, owned by the image's user."""
    folder = images.folder / tmp_path_factory.mktemp("trainer").name
    (folder / "warehouse").mkdir(parents=True)
    WORLD.publish(folder / "warehouse")
    settings = {
        "ANTM2C_TRAIN_RUNTIME": "docker",
        "ANTM2C_WAREHOUSE": (folder / "warehouse").as_uri(),
        "ANTM2C_DATASET": "demo",
        "ANTM2C_ARTIFACTS": str(folder / "artifacts"),
        "DOCKER_HOST": images.address,
        "OMP_NUM_THREADS": "1",
    }
    for name in ("artifacts", "mlflow"):
        (folder / name).mkdir()
    for path in folder.rglob("*"):
        os.chown(path, 50000, 50000)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        environment.delenv("MLFLOW_TRACKING_URI", raising=False)
        retrain_dag.cache_clear()  # the DAG reads these variables
        yield folder


@pytest.fixture(autouse=True)
def no_container_is_left(images: Docker) -> Iterator[None]:
    yield
    assert containers(images.address) == []


@cache
def retrain_dag() -> DAG:
    return DagBag(REPOSITORY / "dags", load_op_links=False).dags["antm2c_retrain"]


def retrain_task(task_id: str) -> Any:
    return retrain_dag().get_task(task_id)


def train_task(form: dict[str, Any]) -> BaseOperator:
    """One of the mapped tasks, as a worker gets it."""
    return retrain_task("train").unmap({"op_kwargs": {"request": form}})


def events() -> dict[Any, SimpleNamespace]:
    return {MODELS: SimpleNamespace()}


def run(task: BaseOperator, **context: Any) -> Any:
    return _run_execute_callable({"ti": TI, "outlet_events": events(), **context}, task.execute, task)


@pytest.fixture(scope="module")
def trained() -> tuple[Path, dict[str, Any]]:
    """The folder of a run, and the asset event that the task added about it."""
    added = events()
    folder = Path(run(train_task(FORM), outlet_events=added))
    return folder, added[MODELS].extra


def test_a_task_in_a_container_trains_the_same_model_as_the_command_here(
    shared: Path, trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, event = trained
    assert folder.parent == shared / "artifacts"
    assert {path.stat().st_uid for path in folder.rglob("*")} == {50000}
    assert json.loads((folder / "mmoe_content_config.json").read_text())["notes"] == FORM["notes"]
    places = {"warehouse": read_settings().warehouse, "dataset": "demo", "artifacts": str(tmp_path)}
    here = run_here("train", {**places, **FORM})
    assert event["artifacts"] == str(folder)
    assert event["auc"] == pytest.approx(here["auc"], abs=1e-6)


def test_runs_are_compared_and_tracked(shared: Path, trained: tuple[Path, dict[str, Any]]) -> None:
    runs = [str(trained[0]), run(train_task({**FORM, "model": "dnn"}))]
    compare, track = map(retrain_task, ("compare", "track"))
    for task in (compare, track):
        task.op_kwargs = {"runs": runs}
    models = ["mmoe_content", "dnn"]
    assert [compared["model"] for compared in run(compare, params={"models": models})] == models
    assert set(run(track)) == {Path(folder).name for folder in runs}
    assert (shared / "mlflow" / "mlflow.db").is_file()


def test_a_refused_task_fails_with_the_commands_message(shared: Path) -> None:
    before = set((shared / "artifacts").iterdir())
    with pytest.raises(
        TaskFailure, match=r"^there are only 2 training days from the first logs, .* at least 3 are needed"
    ):
        run(train_task({**FORM, "train_days": 9}))
    assert set((shared / "artifacts").iterdir()) == before


def test_a_signal_ends_the_container_and_the_next_try_resumes(
    images: Docker, capfd: pytest.CaptureFixture[str]
) -> None:
    form = {**FORM, "epochs": 60, "model": "dnn"}
    killed = started(form)
    wait_until(lambda: "epoch 2/" in logs_of(images), seconds=120, every=0.1)
    killed.send_signal(signal.SIGTERM)
    output = killed.communicate(timeout=60)[0]
    assert killed.returncode != 0
    assert "train was asked to stop" in output
    assert containers(images.address) == []
    assert Path(run(train_task(form))).is_dir()
    assert "resumed after epoch" in capfd.readouterr().out


def test_a_container_that_a_killed_worker_left_is_ended_before_the_next_try(images: Docker) -> None:
    form = {**FORM, "epochs": 60, "model": "dnn", "seed": 8}
    killed = started(form)
    wait_until(lambda: "epoch 2/" in logs_of(images), seconds=120, every=0.1)
    killed.kill()
    killed.communicate(timeout=60)
    [left] = containers(images.address)
    assert Path(run(train_task({**form, "epochs": 2}))).is_dir()
    assert left not in containers(images.address)


def started(form: dict[str, Any]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", RUNNER, json.dumps(form)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def logs_of(images: Docker) -> str:
    return "".join(docker(images.address, "logs", one, check=False).stdout for one in containers(images.address))
