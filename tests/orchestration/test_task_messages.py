"""What a failed task leaves behind for the note of its run."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from airflow.sdk import DAG

from orchestration.task_failures import TaskFailure
from orchestration.task_messages import MESSAGE, leave_error_message


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("no raw logs for 2023-07-11\nand a trace"), "no raw logs for 2023-07-11"),
        (KeyError(), "KeyError"),
        (TaskFailure("too many rejects"), "too many rejects"),
    ],
)
def test_the_first_line_of_its_error(error: Exception, sentence: str) -> None:
    instance = Mock()
    leave_error_message({"ti": instance, "exception": error})
    instance.xcom_push.assert_called_once_with(key=MESSAGE, value=sentence)


@pytest.mark.parametrize("dag_id", ["antm2c_etl_daily", "antm2c_etl_history", "antm2c_retrain"])
def test_every_task_leaves_its_error(dag: Callable[[str], DAG], dag_id: str) -> None:
    for task in dag(dag_id).tasks:
        given = task.partial_kwargs if task.is_mapped else vars(task)
        assert given["on_failure_callback"] in (leave_error_message, [leave_error_message])
