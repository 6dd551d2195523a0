"""The operator of the Spark stages."""

import time
from contextlib import suppress
from typing import Any

import psutil
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout

from orchestration.child_commands import STOP_SECONDS, last_error


class SparkStageOperator(SparkSubmitOperator):
    """Runs one stage with spark-submit for the dates from first_date to last_date, which are templated.

    It fails with the stage's own error message, and when it is stopped it leaves no process behind.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "first_date", "last_date")

    def __init__(self, *, first_date: str = "", last_date: str = "", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first_date = first_date
        self.last_date = last_date

    def execute(self, context: Context) -> None:
        try:
            super().execute(context)
        except AirflowTaskTimeout:
            self.log.error("%s was stopped because it ran longer than %s", self.task_id, self.execution_timeout)
            raise
        except AirflowException as failure:
            error = last_error(str(failure))
            if error is None:
                raise
            self.log.error(error)
            raise AirflowException(error) from None

    def on_kill(self) -> None:
        """End spark-submit and every process below it. The base class would end only spark-submit."""
        started = psutil.Process().children(recursive=True)
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while any(map(_is_running, started)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in filter(_is_running, started):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        super().on_kill()


def _is_running(process: psutil.Process) -> bool:
    """Whether a process runs. Does not reap it: the base class would take a missing exit status for success."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
