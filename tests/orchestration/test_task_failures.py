"""How a task that fails with a sentence looks, in Airflow's own task runner."""

from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest
from airflow.sdk import TaskInstanceState
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import RetryTask

from orchestration.dag_defaults import TASK_DEFAULTS
from orchestration.task_failures import TaskFailure, fail, wrapped

BOUNDS = "--from-date 2023-07-10 --to-date 2023-07-20 --reprocess-behavior completed"
COMMAND = f"`airflow backfill create --dag-id antm2c_etl_daily {BOUNDS}`"


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (TaskFailure("too many rejects"), TaskInstanceState.FAILED),
        (TaskFailure("no NameNode", may_pass=True), TaskInstanceState.UP_FOR_RETRY),
        (ValueError("a mistake"), TaskInstanceState.UP_FOR_RETRY),
    ],
)
def test_a_refusal_is_final_and_all_else_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException, state: TaskInstanceState
) -> None:
    """Airflow logs no traceback of what the project raises."""
    for name in ("_prepare", "_render_map_index"):
        monkeypatch.setattr(task_runner, name, Mock(return_value=None))
    monkeypatch.setattr(task_runner, "_execute_task", Mock(side_effect=failure))
    server = SimpleNamespace(xcom_keys_to_clear=[], should_retry=True, max_tries=2)
    task = SimpleNamespace(retry_policy=TASK_DEFAULTS["retry_policy"], on_kill=Mock())
    ti = MagicMock(task=task, _ti_context_from_server=server, try_number=1, rendered_map_index=None)
    log = Mock()
    ended, message, error = task_runner._run_task_and_map_outcome(ti, MagicMock(), log)
    assert (ended, error) == (state, failure)
    assert isinstance(message, RetryTask) == (state == TaskInstanceState.UP_FOR_RETRY)
    assert log.exception.called == isinstance(failure, ValueError)


def test_a_sentence_is_logged_once_in_lines_that_fit_a_page() -> None:
    log = Mock()
    sentence = f"{'7 of the 12 dates needed cannot be used, ' * 6}run them (in Airflow: {COMMAND}), or add their logs"
    with pytest.raises(TaskFailure) as failure:
        fail(log, sentence)
    assert str(failure.value) == sentence
    [(lines,)] = [call.args for call in log.error.call_args_list]
    assert lines.replace("\n", " ") == sentence
    assert COMMAND in lines, "it can be copied"
    assert all(len(line) <= 110 or COMMAND in line for line in lines.splitlines())


def test_a_short_sentence_stays_one_line() -> None:
    assert wrapped("no raw logs") == "no raw logs"
