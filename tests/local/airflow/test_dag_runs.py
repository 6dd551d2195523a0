"""Watching a DAG run, with an API that answers from a script."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from local.airflow import dag_runs
from local.airflow.api import AirflowApi
from local.errors import ApiError, RunError


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dag_runs, "_LOOK_SECONDS", 0)
    monkeypatch.setattr("local.airflow.api.time.sleep", lambda _: None)


def task(state: str | None, task_id: str = "train", map_index: int = -1, **more: Any) -> dict[str, Any]:
    return {"task_id": task_id, "map_index": map_index, "state": state, "try_number": 1, "duration": 2.5, **more}


def scripted(*looks: tuple[str, list[dict[str, Any]]]) -> Mock:
    """An API whose run has these states and tasks, one pair for each time it is asked."""
    api = Mock(spec=AirflowApi)
    api.trigger.return_value = "manual__1"
    api.run_state.side_effect = [state for state, _ in looks]
    api.task_instances.side_effect = [tasks for _, tasks in looks]
    return api


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line]


def test_a_task_is_printed_once_when_it_has_ended(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    looks = [("running", [task(state)]) for state in (None, "queued", "running", "success", "success")]
    api = scripted(*looks, ("success", [task("success")]))
    dag_runs.run_dag(api, tmp_path, "antm2c_retrain", {"as_of": "2023-07-23"}, timeout=10)
    assert lines(capsys) == ["antm2c_retrain as_of=2023-07-23", "train success 2.5 s"]
    api.trigger.assert_called_once_with("antm2c_retrain", {"as_of": "2023-07-23"})


def test_every_failed_attempt_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    attempts = [("running", [task("up_for_retry", try_number=number)]) for number in (1, 1, 2)]
    dag_runs.run_dag(scripted(*attempts, ("success", [task("success", try_number=3)])), tmp_path, "dag", {}, timeout=10)
    assert [line.split()[1] for line in lines(capsys)[1:]] == ["up_for_retry", "up_for_retry", "success"]


def test_a_mapped_task_is_named_after_what_it_is_mapped_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    named, unnamed = task("success", map_index=0, rendered_map_index="dnn"), task("success", map_index=1)
    dag_runs.run_dag(scripted(("success", [named, unnamed])), tmp_path, "dag", {}, timeout=10)
    assert lines(capsys)[1:] == ["train dnn success 2.5 s", "train 1 success 2.5 s"]


def test_a_failure_quotes_the_log_of_the_failed_tasks_last_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "dag_id=dag" / "run_id=manual__1" / "task_id=train" / "map_index=1"
    folder.mkdir(parents=True)
    (folder / "attempt=2.log").write_text(json.dumps({"event": "an earlier attempt"}))
    events = ["::group::Pre Execute", "epoch 1", "the disk is full"]
    (folder / "attempt=3.log").write_text("\n".join(json.dumps({"event": event}) for event in events) + "\ncut off")
    tasks = [task("success", "check_window"), task("failed", map_index=1, try_number=3)]
    with pytest.raises(RunError) as failure:
        dag_runs.run_dag(scripted(("failed", tasks)), tmp_path, "dag", {}, timeout=10)
    first, *rest = str(failure.value).splitlines()
    assert first == f"dag: train failed. The end of {folder / 'attempt=3.log'}:"
    assert rest == ["epoch 1", "the disk is full", "cut off"]


def test_a_failure_quotes_its_error(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "dag_id=dag" / "run_id=manual__1" / "task_id=train"
    folder.mkdir(parents=True)
    detail = [{"exc_type": "AirflowFailException", "exc_value": "2023-07-11 is missing", "frames": []}]
    (folder / "attempt=1.log").write_text(json.dumps({"event": "Task failed", "error_detail": detail}))
    with pytest.raises(RunError, match=r"Task failed\nAirflowFailException: 2023-07-11 is missing$"):
        dag_runs.run_dag(scripted(("failed", [task("failed")])), tmp_path, "dag", {}, timeout=10)


def test_a_task_that_failed_without_a_log_points_to_airflows_own(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"dag: train failed before it wrote a log; see .*airflow\.log"):
        dag_runs.run_dag(scripted(("failed", [task("failed")])), tmp_path, "dag", {}, timeout=10)


def test_a_run_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"dag is still running after 0 s; its logs are in"):
        dag_runs.run_dag(scripted(("running", [])), tmp_path, "dag", {}, timeout=0)
    tasks = [task("success", "embed"), task("running", map_index=1), task(None, "compare")]
    with pytest.raises(RunError, match=r"after 0 s \(train 1 running\)"):
        dag_runs.run_dag(scripted(("running", tasks)), tmp_path, "dag", {}, timeout=0)


def test_a_dag_file_with_an_error_is_shown(tmp_path: Path) -> None:
    api = scripted()
    api.has_dag.return_value = False
    api.import_errors.return_value = ["dag.py: SyntaxError"]
    with pytest.raises(RunError, match=r"dag\.py: SyntaxError"):
        dag_runs.run_dag(api, tmp_path, "dag", {}, timeout=10)


def answering(monkeypatch: pytest.MonkeyPatch, *answers: object) -> tuple[AirflowApi, Mock]:
    """An API whose requests, after the one for a token, get these answers."""
    api = AirflowApi("http://127.0.0.1:1", "admin", "secret")
    request = Mock(side_effect=[{"access_token": "t"}, *answers])
    monkeypatch.setattr(api, "_request", request)
    return api, request


def test_a_request_that_was_not_answered_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    api, _ = answering(monkeypatch, ApiError("timed out"), ApiError("overloaded", 503), {"state": "running"})
    assert api.run_state("dag", "run") == "running"


def test_a_run_is_never_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    api, request = answering(monkeypatch, ApiError("timed out"))
    with pytest.raises(ApiError, match="timed out"):
        api.trigger("dag", {})
    assert request.call_count == 2


def test_airflow_has_no_dag_that_it_does_not_know_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    api, _ = answering(monkeypatch, ApiError("not found", 404))
    assert api.has_dag("dag") is False


def test_an_airflow_that_has_ended_is_named_with_the_request() -> None:
    with pytest.raises(ApiError, match=r"Airflow did not answer POST http://127\.0\.0\.1:1/auth/token"):
        AirflowApi("http://127.0.0.1:1", "admin", "secret").run_state("dag", "run")
