"""A SparkSubmitOperator that fails with the stage's own sentence, and ends with all it started."""

import time
from contextlib import suppress

import psutil
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout

from orchestration.command_end import ASKED_SECONDS, last_sentence


class SparkStageOperator(SparkSubmitOperator):
    """Submits one stage."""

    def execute(self, context: Context) -> None:
        """As the base class. Raises AirflowException with what the stage said, where it said something."""
        try:
            super().execute(context)
        except AirflowTaskTimeout:
            self.log.error("%s ran longer than %s and was ended", self.task_id, self.execution_timeout)
            raise
        except AirflowException as failure:
            said = last_sentence(str(failure))
            if said is None:
                raise
            self.log.error(said)
            raise AirflowException(said) from None

    def on_kill(self) -> None:
        """Ends spark-submit, the driver and what they started. The base class would end spark-submit alone."""
        started = psutil.Process().children(recursive=True)
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        deadline = time.monotonic() + ASKED_SECONDS
        while any(map(_lives, started)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in filter(_lives, started):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        super().on_kill()


def _lives(process: psutil.Process) -> bool:
    """Whether it has not ended. Its exit status is left for the base class, which takes a missing one for success."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
