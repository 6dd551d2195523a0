"""Run training commands in containers, with Airflow's DockerOperator."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.providers.docker.exceptions import DockerContainerFailedException
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import Context
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowException
from docker.errors import APIError, NotFound
from docker.types import DeviceRequest, Mount
from huggingface_hub.constants import HF_HUB_CACHE

from orchestration.child_commands import STOP_SECONDS, last_error
from orchestration.task_failures import fail
from orchestration.training_command import command_line
from training.tracking.client import database_file
from warehouse.settings import Settings, read_settings

_LABEL = "antm2c.task"  # says which task instance a container belongs to
_PASSED_PREFIXES = ("ANTM2C_", "MLFLOW_", "HF_", "HADOOP_USER_NAME", "OMP_", "OPENLINEAGE")  # of environment variables


class TrainingContainer(DockerOperator):
    """Runs one training command in a container. The container is always removed at the end."""

    labels: dict[str, str]

    def execute(self, context: Context) -> Any:
        """Run the command and return its result, the JSON on the last line of its stdout.

        If the command fails, the task fails with its message. It is retried only if the command may succeed later.
        """
        ExecutorSafeguard.tracker.set(self)  # stops Airflow's warning about one operator inside another
        try:
            label = f"{_LABEL}={self.labels[_LABEL]}"
            self._remove(self.cli.containers(all=True, filters={"label": label}))  # left by a killed try
            super().execute(context)
            return json.loads(self.cli.logs(self.container["Id"], stderr=False).splitlines()[-1])
        except APIError:
            if self.cli.images(name=self.image):
                raise
            fail(
                self.log,
                f"the image {self.image} does not exist on this machine and cannot be pulled: build it with "
                "`make images`, or set ANTM2C_TRAINER_IMAGE to another image",
                may_pass=True,
            )
        except DockerContainerFailedException as failure:
            message = last_error("\n".join(map(str, failure.logs or ())))
            if message is None:
                raise
            status = self.cli.wait(self.container["Id"])["StatusCode"]
            fail(self.log, message, may_pass=status == os.EX_TEMPFAIL)
        finally:
            self._remove([self.container] if self.container else [])

    def on_kill(self) -> None:
        """Interrupt execute(), which then removes the container. The base class might still start one afterwards."""
        raise AirflowException(f"{self.task_id} was asked to stop")

    def _remove(self, containers: Iterable[Mapping[str, Any]]) -> None:
        for container in containers:
            with suppress(NotFound):
                self.cli.stop(container["Id"], timeout=STOP_SECONDS)
                self.cli.remove_container(container["Id"], force=True)


def training_container(ti: Any, command: str, arguments: Mapping[str, Any]) -> TrainingContainer:
    """Return the operator that runs a command for a task instance in the trainer's image."""
    settings = read_settings()
    task_instance = (settings.artifacts, ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index))
    return TrainingContainer(
        task_id=ti.task_id,
        image=settings.trainer_image,
        command=command_line(command, arguments),
        labels={_LABEL: " ".join(task_instance)},
        mounts=_mounts(settings, str(arguments.get("text_encoder", ""))),
        mount_tmp_dir=False,
        # Files that the command writes belong to Airflow's user. If that is root, the image's own user writes them.
        user=f"{os.getuid()}:{os.getgid()}" if os.getuid() else None,
        network_mode=settings.trainer_network,
        device_requests=_gpus(settings.trainer_gpus),
        private_environment=_environment(),
    )


def _gpus(wanted: str) -> list[DeviceRequest] | None:
    if wanted == "0":
        return None
    return [DeviceRequest(count=-1 if wanted == "all" else int(wanted), capabilities=[["gpu"]])]


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_PREFIXES)}
    return {**passed, "HF_HUB_CACHE": HF_HUB_CACHE}


def _mounts(settings: Settings, text_encoder: str) -> list[Mount]:
    """Mount the local folders that commands use, at the same paths inside as outside."""
    folders = [Path(settings.artifacts), Path(HF_HUB_CACHE)]
    warehouse = settings.warehouse.removeprefix("file://")
    if "://" not in warehouse:
        folders.append(Path(warehouse))
    if database := database_file(settings.tracking_uri):
        folders.append(database.parent)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    encoder = Path(text_encoder)
    read_only = [encoder] if encoder.is_absolute() and encoder.is_dir() else []
    return [*map(_mount, folders), *(_mount(folder, read_only=True) for folder in read_only)]


def _mount(folder: Path, read_only: bool = False) -> Mount:
    path = str(folder.absolute())
    return Mount(path, path, type="bind", read_only=read_only)
