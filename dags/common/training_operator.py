"""A task that trains a model, with a link to its run on the board."""

from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.xcom import XCom
from airflow.sdk.types import TaskInstanceKey

from dags.common.board_address import address_of


class BoardLink(BaseOperatorLink):
    """Opens the board at the run whose folder the task returned. Airflow asks once, when the task has ended."""

    name = "Cold-start board"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, or nothing where the task returned no run."""
        folder: Any = XCom.get_value(ti_key=ti_key, key="return_value")
        return address_of(folder, conf.get("api", "base_url", fallback="")) if folder else ""


class TrainingOperator(PythonOperator):
    """A PythonOperator whose callable returns the folder of a run."""

    operator_extra_links = (BoardLink(),)
