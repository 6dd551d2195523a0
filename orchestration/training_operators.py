"""Operators for tasks of the retraining DAG that run training commands, in the task's process or in a container."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.xcom import XCom
from airflow.sdk.types import TaskInstanceKey

from orchestration.board_address import address_of
from orchestration.training_command import run_here
from warehouse.settings import read_settings


class CommandOperator(PythonOperator):
    """A PythonOperator that passes a function `run_command` to its callable, to run a training command.

    The command runs in this process or, if ANTM2C_TRAIN_RUNTIME is docker, in a container. The callable itself always
    runs in this process.
    """

    _container: BaseOperator | None = None

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        return super().determine_kwargs({**context, "run_command": partial(self._run_command, context)})

    def on_kill(self) -> None:
        if self._container:
            self._container.on_kill()

    def _run_command(self, context: Any, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if read_settings().train_runtime == "python":
            return run_here(command, arguments)
        from orchestration.training_container import training_container  # loads Docker's client, which takes time

        self._container = training_container(context["ti"], command, arguments)
        try:
            return self._container.execute(context)
        finally:
            self._container = None


class BoardLink(BaseOperatorLink):
    """A link from a training task to its run on the board. Airflow computes it once, when the task has ended."""

    name = "Cold-start board"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the link, or an empty string if the task returned no run."""
        folder: Any = XCom.get_value(ti_key=ti_key, key="return_value")
        return address_of(folder, conf.get("api", "base_url", fallback="")) if folder else ""


class TrainingOperator(CommandOperator):
    """A CommandOperator whose callable returns the folder of a run."""

    operator_extra_links = (BoardLink(),)


class DecidingOperator(CommandOperator, BranchPythonOperator):
    """A CommandOperator whose callable returns the ids of the tasks to run next."""
