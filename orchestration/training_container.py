"""Commands of the training package in containers, by Airflow's DockerOperator."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.providers.docker.exceptions import DockerContainerFailedException
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from docker.errors import APIError, NotFound
from docker.types import DeviceRequest, Mount
from huggingface_hub.constants import HF_HUB_CACHE

from orchestration.command_end import ASKED_SECONDS, last_sentence
from orchestration.training_command import words
from orchestration.training_operators import CommandOperator
from training.tracking.client import database_file
from warehouse.settings import Settings, read_settings

_TASK = "antm2c.task"  # the label that says whose container it is
_PASSED_ON = ("ANTM2C_", "MLFLOW_", "HF_", "HADOOP_USER_NAME", "OMP_")  # what the names of variables begin with


class InContainer(DockerOperator):
    """Put before a kind of CommandOperator: its commands run in the trainer's image, with the same arguments.

    What the callable makes of them stays in Airflow's process.
    """

    template_fields = CommandOperator.template_fields

    def __init__(self, **arguments: Any) -> None:
        settings = read_settings()
        super().__init__(
            image=settings.trainer_image,
            user=f"{os.getuid()}:{os.getgid()}" if os.getuid() else None,  # whose files they are; root is the image's
            network_mode=settings.trainer_network,
            device_requests=_gpus(settings.trainer_gpus),
            private_environment=_environment(),
            mount_tmp_dir=False,
            **arguments,
        )
        self._running = False

    def execute(self, context: Context) -> Any:
        """As the kind of operator has it: it calls the callable, which asks for commands."""
        return super(DockerOperator, self).execute(context)

    def run_command(self, context: Any, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the command summed up: the last line of its stdout. What it refuses is not retried."""
        settings, ti = read_settings(), context["ti"]
        self.command = words(command, arguments)
        self.mounts = _mounts(settings, str(arguments.get("text_encoder", "")))
        task = " ".join((settings.artifacts, ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index)))
        self.labels = {_TASK: task}
        self._running = True
        try:
            self._end(self.cli.containers(all=True, filters={"label": f"{_TASK}={task}"}))  # of a try that was killed
            DockerOperator.execute(self, context)
            return json.loads(self.cli.logs(self.container["Id"], stderr=False).splitlines()[-1])
        except APIError as error:
            if self.cli.images(name=self.image):
                raise
            raise AirflowException(
                f"there is no image {self.image}, and none can be pulled: build it with make images, or name another "
                "in ANTM2C_TRAINER_IMAGE"
            ) from error
        except DockerContainerFailedException as failure:
            said = last_sentence("\n".join(map(str, failure.logs or ())))
            if said is None:
                raise
            status = self.cli.wait(self.container["Id"])["StatusCode"]
            kind = AirflowException if status == os.EX_TEMPFAIL else AirflowFailException
            raise kind(said) from None
        finally:
            self._running = False
            self._end([self.container] if self.container else [])

    def on_kill(self) -> None:
        """Leaves the command, and so ends its container, wherever it was: the base class would start it still."""
        if self._running:
            raise AirflowException(f"{self.task_id} was asked to end")

    def _end(self, containers: Iterable[Mapping[str, Any]]) -> None:
        for container in containers:
            with suppress(NotFound):
                self.cli.stop(container["Id"], timeout=ASKED_SECONDS)
                self.cli.remove_container(container["Id"], force=True)


def _gpus(wanted: str) -> list[DeviceRequest] | None:
    if wanted == "0":
        return None
    return [DeviceRequest(count=-1 if wanted == "all" else int(wanted), capabilities=[["gpu"]])]


def _environment() -> dict[str, str]:
    passed_on = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    return {**passed_on, "HF_HUB_CACHE": HF_HUB_CACHE}


def _mounts(settings: Settings, text_encoder: str) -> list[Mount]:
    """The local folders that commands read or write, at their own paths: one in an argument means the same inside."""
    folders = [Path(settings.artifacts), Path(HF_HUB_CACHE)]
    warehouse = settings.warehouse.removeprefix("file://")
    if "://" not in warehouse:
        folders.append(Path(warehouse))
    if database := database_file(settings.tracking_uri):
        folders.append(database.parent)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    encoder = Path(text_encoder)
    to_read = [encoder] if encoder.is_absolute() and encoder.is_dir() else []
    return [*map(_mount, folders), *(_mount(folder, read_only=True) for folder in to_read)]


def _mount(folder: Path, read_only: bool = False) -> Mount:
    path = str(folder.absolute())
    return Mount(path, path, type="bind", read_only=read_only)
