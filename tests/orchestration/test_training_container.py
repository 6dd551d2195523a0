"""Training commands in containers: what they ask of Docker's daemon, whose client is a stand-in here."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import DeviceRequest, Mount

from orchestration.task_failures import RetryWhatMayPass, TaskFailure
from orchestration.training_command import command_line
from orchestration.training_operators import CommandOperator, DecidingOperator
from warehouse.settings import REPOSITORY

SUMMARY = {"artifacts": "/a", "auc": 0.7}
TI = SimpleNamespace(dag_id="antm2c_retrain", run_id="monday", task_id="train", map_index=2)


class Daemon(Mock):
    """As much of docker.APIClient as the operator uses, with one container that ends by itself."""

    def answers(self, status: int, stdout: str, stderr: str = "") -> None:
        self.images.return_value = ["there"]
        self.containers.return_value = []
        self.create_container.return_value = {"Id": "c1"}
        self.attach.return_value = iter([stderr.encode(), stdout.encode()])
        self.wait.return_value = {"StatusCode": status}
        self.logs.return_value = stdout.encode()

    def steps(self) -> list[str]:
        """What was asked about containers, in order."""
        told = ("create_container", "start", "wait", "logs", "stop", "remove_container")
        return [call[0] for call in self.mock_calls if call[0] in told]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTM2C_TRAIN_RUNTIME", "docker")
    monkeypatch.setenv("ANTM2C_WAREHOUSE", f"file://{tmp_path}/warehouse")
    monkeypatch.setenv("ANTM2C_ARTIFACTS", f"{tmp_path}/artifacts")
    monkeypatch.setattr("orchestration.training_container.HF_HUB_CACHE", f"{tmp_path}/hub")
    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    return tmp_path


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    client = Daemon()
    client.answers(0, "epoch 1\n" + json.dumps(SUMMARY) + "\n", "a warning\n")
    monkeypatch.setattr("airflow.providers.docker.operators.docker.DockerOperator.cli", client)
    return client


def run(callable_: Callable | None = None, **arguments: Any) -> Any:
    """What a task returns that calls the given function, or runs the command train."""
    task = CommandOperator(task_id="train", python_callable=callable_ or asks_to_train, **arguments)
    return task.execute({"ti": TI, "outlet_events": {}})


def asks_to_train(run_command: Callable) -> Any:
    return run_command("train", {"model": "dnn", "train_days": 3, "notes": "-x"})


@pytest.mark.usefixtures("places")
def test_arguments_are_those_of_the_command_line(daemon: Daemon) -> None:
    assert run() == SUMMARY
    asked = daemon.create_container.call_args.kwargs
    assert asked["command"] == command_line("train", {"model": "dnn", "train_days": 3, "notes": "-x"})
    assert asked["command"] == ["train", "--model=dnn", "--train-days=3", "--notes=-x"]
    assert (asked["image"], asked["name"]) == ("antm2c-trainer", None)


def test_a_text_encoder_in_a_folder_is_mounted_to_be_read(places: Path, daemon: Daemon) -> None:
    encoder = places / "encoder"
    for there in (False, True):
        if there:
            encoder.mkdir()
        run(lambda run_command: run_command("train", {"model": "dnn_content", "text_encoder": str(encoder)}))
        read_only = [mount for mount in mounted(daemon) if mount["ReadOnly"]]
        assert read_only == [Mount(str(encoder), str(encoder), type="bind", read_only=True)] * there


def test_local_folders_are_mounted_at_their_own_paths(
    places: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    folders = [places / name for name in ("artifacts", "hub", "warehouse", "mlflow")]
    assert mounted(daemon) == [Mount(str(folder), str(folder), type="bind") for folder in folders]
    assert all(folder.is_dir() for folder in folders)
    monkeypatch.setenv("ANTM2C_WAREHOUSE", "hdfs://namenode:9000/data/antm2c")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    run()
    assert [mount["Source"] for mount in mounted(daemon)] == [str(folder) for folder in folders[:2]]


def mounted(daemon: Daemon) -> list[Mount]:
    return daemon.create_host_config.call_args.kwargs["mounts"]


@pytest.mark.usefixtures("places")
def test_the_container_belongs_to_the_user_of_airflow_and_root_leaves_it_to_the_image(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for uid, user in ((1000, "1000:7"), (0, None)):
        monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
        monkeypatch.setattr(os, "getgid", lambda: 7)
        run()
        assert daemon.create_container.call_args.kwargs["user"] == user


@pytest.mark.usefixtures("places")
def test_settings_and_those_of_mlflow_are_passed_on_and_no_others(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    monkeypatch.setenv("ANTM2C_SCENES", "3")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "a secret")
    run()
    environment = daemon.create_container.call_args.kwargs["environment"]
    assert environment["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert environment["ANTM2C_SCENES"] == "3"
    assert not any(name.startswith("AIRFLOW") for name in environment)


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(("wanted", "count"), [("0", None), ("2", 2), ("all", -1)])
def test_a_gpu_is_passed_on_when_it_is_asked_for(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, wanted: str, count: int | None
) -> None:
    monkeypatch.setenv("ANTM2C_TRAINER_GPUS", wanted)
    monkeypatch.setenv("ANTM2C_TRAINER_NETWORK", "antm2c")
    run()
    asked = daemon.create_host_config.call_args.kwargs
    assert asked["device_requests"] == (count and [DeviceRequest(count=count, capabilities=[["gpu"]])])
    assert asked["network_mode"] == "antm2c"


@pytest.mark.usefixtures("places")
def test_the_last_line_of_stdout_is_the_summary_whatever_stderr_says_after_it(daemon: Daemon) -> None:
    daemon.attach.return_value = iter([json.dumps(SUMMARY).encode() + b"\n", b"a warning at the very end\n"])
    assert run() == SUMMARY
    assert daemon.logs.call_args.kwargs == {"stderr": False}


@pytest.mark.usefixtures("places")
def test_the_callable_makes_of_it_what_it_does_in_python(daemon: Daemon) -> None:
    def doubled(run_command: Callable, ti: Any) -> float:
        return 2 * run_command("embed", {})["auc"] + ti.map_index

    assert run(doubled) == 3.4
    assert daemon.steps() == ["create_container", "start", "wait", "logs", "stop", "remove_container"]


@pytest.mark.usefixtures("places")
def test_a_challenge_in_a_container_chooses_what_comes_next(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.answers(0, json.dumps({"promote": True}))
    chosen = Mock()
    monkeypatch.setattr(DecidingOperator, "do_branch", chosen)

    def next_tasks(run_command: Callable) -> list[str]:
        return ["promote"] if run_command("challenge", {"artifacts": ["/a"]})["promote"] else []

    task = DecidingOperator(task_id="challenge", python_callable=next_tasks)
    task.execute({"ti": TI, "outlet_events": {}})
    assert chosen.call_args[0][1] == ["promote"]


@pytest.mark.usefixtures("places")
def test_a_callable_that_asks_for_nothing_starts_no_container(daemon: Daemon) -> None:
    assert run(lambda run_command: None) is None  # noqa: ARG005
    assert daemon.steps() == []


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("status", "stderr", "kind", "said"),
    [
        (1, "error: take more days\n", TaskFailure, r"^take more days$"),
        (75, "error: the disk is full\n", TaskFailure, r"^the disk is full$"),
        (1, "Traceback\nMemoryError\n", AirflowException, "Docker container failed.*1"),
        (137, "", AirflowException, "Docker container failed.*137"),
    ],
    ids=["refused", "may pass", "crashed", "killed for memory"],
)
def test_what_a_command_refuses_is_not_retried_and_all_else_is(
    daemon: Daemon, status: int, stderr: str, kind: type[BaseException], said: str
) -> None:
    daemon.answers(status, "epoch 1\n", stderr)
    with pytest.raises(kind, match=said) as raised:
        run()
    assert RetryWhatMayPass().evaluate(raised.value, 1, 2).action == (
        RetryAction.FAIL if said == r"^take more days$" else RetryAction.DEFAULT
    )
    assert daemon.steps()[-2:] == ["stop", "remove_container"]


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("error", [ImageNotFound("pull access denied"), APIError("403: the proxy passes on no pull")])
def test_a_missing_image_is_named_with_what_builds_it(daemon: Daemon, error: APIError) -> None:
    daemon.images.return_value = []
    daemon.pull.side_effect = error
    with pytest.raises(TaskFailure, match=r"the image antm2c-trainer does not exist.*make images"):
        run()


@pytest.mark.usefixtures("places")
def test_a_task_that_is_asked_to_end_or_runs_too_long_leaves_no_container(daemon: Daemon) -> None:
    task = CommandOperator(task_id="train", python_callable=asks_to_train)

    def signalled(_: str) -> None:
        task.on_kill()

    daemon.wait.side_effect = signalled
    with pytest.raises(AirflowException, match="train was asked to stop"):
        task.execute({"ti": TI})
    daemon.wait.side_effect = AirflowTaskTimeout
    with pytest.raises(AirflowTaskTimeout):
        task.execute({"ti": TI})
    task.on_kill()  # as Airflow does after a timeout
    assert daemon.steps() == ["create_container", "start", "wait", "stop", "remove_container"] * 2
    assert daemon.stop.call_args.kwargs == {"timeout": 3}


@pytest.mark.usefixtures("places")
def test_what_a_killed_try_left_running_is_ended_first(places: Path, daemon: Daemon) -> None:
    daemon.containers.return_value = [{"Id": "left"}]
    daemon.stop.side_effect = [NotFound("has just ended"), None]
    run()
    label = f"antm2c.task={places}/artifacts antm2c_retrain monday train 2"
    daemon.containers.assert_called_once_with(all=True, filters={"label": label})
    assert dict([label.split("=", 1)]) == daemon.create_container.call_args.kwargs["labels"]
    assert daemon.steps()[:2] == ["stop", "create_container"]


@pytest.mark.usefixtures("places")
def test_in_python_no_container_is_started(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTM2C_TRAIN_RUNTIME", "python")
    monkeypatch.setattr("training.cli.main", lambda words: {"words": words})
    assert run() == {"words": ["train", "--model=dnn", "--train-days=3", "--notes=-x"]}
    assert daemon.mock_calls == []


def test_the_docker_client_is_loaded_only_when_a_container_is_started() -> None:
    program = "import sys, orchestration.training_operators; sys.exit('docker' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "ANTM2C_TRAIN_RUNTIME": "docker"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
