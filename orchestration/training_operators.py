"""The operators of the retraining DAG, and the one place that decides where their commands run."""

from collections.abc import Mapping
from functools import partial
from types import new_class
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
    """A PythonOperator whose callable is given `run_command`, to run a command of the training package with."""

    def run_command(self, context: Mapping[str, Any], command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the command summed up."""
        return run_here(command, arguments)

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """As the base class."""
        return super().determine_kwargs({**context, "run_command": partial(self.run_command, context)})


class BoardLink(BaseOperatorLink):
    """Opens the board at the run whose folder the task returned. Airflow asks once, when the task has ended."""

    name = "Cold-start board"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, or nothing where the task returned no run."""
        folder: Any = XCom.get_value(ti_key=ti_key, key="return_value")
        return address_of(folder, conf.get("api", "base_url", fallback="")) if folder else ""


class TrainingOperator(CommandOperator):
    """A CommandOperator whose callable returns the folder of a run."""

    operator_extra_links = (BoardLink(),)


class ChallengeOperator(CommandOperator, BranchPythonOperator):
    """A CommandOperator whose callable returns the tasks that come next."""


def training_operator(kind: type[CommandOperator]) -> type[CommandOperator]:
    """The kind itself, or where ANTM2C_TRAIN_RUNTIME is docker, one like it whose commands run in containers."""
    if read_settings().train_runtime == "python":
        return kind
    from orchestration.training_container import InContainer  # the client of Docker's daemon takes time to load

    return new_class(f"{kind.__name__}InContainer", (InContainer, kind))
