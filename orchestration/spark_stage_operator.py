"""The operator of the Spark stages."""

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
    """Runs one stage with spark-submit for the dates from first_date to last_date, which are templated.

    It fails with the stage's own error message, without another try if the stage refuses what it was asked to do. When
    it is stopped, it leaves no process behind.
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
        """The hook that runs spark-submit. It logs what the stage prints, except its error, which comes last."""
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
