"""The Airflow operator that runs a Spark stage."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import psutil
from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout

from orchestration.child_commands import STOP_SECONDS, error_in
from orchestration.task_failures import fail

_REFUSED = 1  # the exit status of a stage that would fail the same way again


class SparkStageOperator(SparkSubmitOperator):
    """Runs one stage with spark-submit for the dates from first_date to last_date, which may be templates.

    If the stage fails, the task fails with its error message. It is not retried if the stage has refused its input.
    When the task is stopped, all of its processes end.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "first_date", "last_date")

    def __init__(self, *, first_date: str = "", last_date: str = "", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first_date = first_date
        self.last_date = last_date
        self._error: str | None = None  # what the stage says when it fails

    def execute(self, context: Context) -> None:
        try:
            super().execute(context)
        except AirflowTaskTimeout:
            self.log.error("%s was stopped because it ran longer than %s", self.task_id, self.execution_timeout)
            raise
        except AirflowException:
            if self._error is None:
                raise
            hook: Any = self._hook
            refused = hook._submit_sp.returncode == _REFUSED
            fail(self.log, self._error, may_pass=not refused)

    def _get_hook(self) -> SparkSubmitHook:
        """Return the hook that runs spark-submit. It logs the stage's output except its error, which is logged last."""
        hook: Any = super()._get_hook()
        log_lines = hook._process_spark_submit_log
        hook._process_spark_submit_log = lambda lines: log_lines(self._without_error(lines))
        return hook

    def _without_error(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            error = error_in(line)
            self._error = error or self._error
            if error is None:
                yield line

    def on_kill(self) -> None:
        """End spark-submit and all its descendants. The base class would end only spark-submit itself."""
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
    """Return whether a process is running. It is not reaped, because the base class needs its exit status."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
