"""What a failed task leaves behind for the note of its run."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from airflow.sdk import DAG

from orchestration.telling import TOLD, tell, tell_failure


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(ValueError("no raw logs for 2023-07-11\nand a trace"), "no raw logs for 2023-07-11"), (KeyError(), "KeyError")],
)
def test_the_first_line_of_its_error(error: Exception, sentence: str) -> None:
    instance = Mock()
    tell_failure({"ti": instance, "exception": error})
    instance.xcom_push.assert_called_once_with(key=TOLD, value=sentence)


def test_a_long_sentence_is_cut() -> None:
    instance = Mock()
    tell(instance, "no raw logs; " * 100)
    assert len(instance.xcom_push.call_args.kwargs["value"]) == 300


@pytest.mark.parametrize("dag_id", ["antm2c_etl_daily", "antm2c_etl_history", "antm2c_retrain"])
def test_every_task_tells(dag: Callable[[str], DAG], dag_id: str) -> None:
    for task in dag(dag_id).tasks:
        given = task.partial_kwargs if task.is_mapped else vars(task)
        assert given["on_failure_callback"] in (tell_failure, [tell_failure])
