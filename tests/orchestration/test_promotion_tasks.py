"""What follows the training of models."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.sdk import DAG

from orchestration.assets import CHAMPION
from orchestration.promotion_tasks import challenge, decision_text, promote, track
from orchestration.training_command import run_here
from tests.run_folders import write_run

BEFORE = {"version": "4", "run": "artifacts_dnn_run_20230724-060000", "run_id": "aa"}
TEST = {"difference": 0.0123, "low": 0.01, "high": 0.0146, "p_value": 0.001}
BETTER = {
    "challenger": "/artifacts/artifacts_mmoe_run_20230731-060000",
    "champion": BEFORE,
    "promote": True,
    "reason": "it is better by +0.0123 AUC",
    "tests": {"overall": TEST, "user zero": None},
}
URI = "--tracking-uri=https://mlflow"


@pytest.fixture
def better(tmp_path: Path) -> dict[str, Any]:
    """A decision for a run whose folder is there."""
    return {**BETTER, "challenger": str(write_run(tmp_path, "mmoe"))}


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, better: dict[str, Any]) -> Mock:
    main = Mock(return_value=better)
    monkeypatch.setattr("training.cli.main", main)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow")
    monkeypatch.setenv("ANTM2C_WAREHOUSE", "hdfs://namenode:9000/data/antm2c")
    return main


class TaskInstance(SimpleNamespace):
    """Keeps what is pushed."""

    def xcom_push(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        assert task_ids == "challenge"
        return getattr(self, key)


def test_every_run_is_tracked(command_line: Mock) -> None:
    command_line.return_value = {"tracked": {"a": "1", "b": "2"}}
    assert track(["/a", "/b"], run_here) == {"a": "1", "b": "2"}
    command_line.assert_called_once_with(["track", "--artifacts", "/a", "/b", URI])


@pytest.mark.parametrize(
    ("promoted", "require_approval", "next_tasks"),
    [(True, False, ["promote"]), (True, True, ["approve"]), (False, False, []), (False, True, [])],
)
def test_who_is_better_is_promoted_or_waits_for_a_person(
    command_line: Mock, better: dict[str, Any], promoted: bool, require_approval: bool, next_tasks: list[str]
) -> None:
    command_line.return_value = {**better, "promote": promoted}
    instance = TaskInstance()
    assert challenge(["/a", "/b"], {"require_approval": require_approval}, instance, run_here) == next_tasks
    places = ["--artifacts", "/a", "/b", "--warehouse=hdfs://namenode:9000/data/antm2c", URI]
    command_line.assert_called_once_with(["challenge", *places])
    assert instance.decision == command_line.return_value


@pytest.mark.parametrize(("before", "version"), [(BEFORE, "4"), (None, "none")])
def test_the_champion_is_replaced_only_if_it_is_still_the_one_that_was_beaten(
    command_line: Mock, before: dict | None, version: str
) -> None:
    champion = {"version": "5", "run": "artifacts_mmoe_run_20230731-060000", "run_id": "bb"}
    command_line.return_value = {"champion": champion}
    events = {CHAMPION: SimpleNamespace()}
    assert promote(TaskInstance(decision={**BETTER, "champion": before}), events, run_here) == champion
    command_line.assert_called_once_with(
        ["promote", f"--artifacts={BETTER['challenger']}", f"--instead-of={version}", URI]
    )
    assert events[CHAMPION].extra == {**champion, "because": BETTER["reason"]}


def test_the_person_asked_reads_who_who_against_and_by_how_much(
    better: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080/airflow")
    challenger = Path(better["challenger"]).name
    board = "/airflow/plugin/cold-start-board/airflow/antm2c/board"
    assert decision_text(better).splitlines() == [
        f"[{challenger.removeprefix('artifacts_')}]({board}?run={challenger}): it is better by +0.0123 AUC.",
        "",
        f"Current champion: [dnn_run_20230724-060000]({board}?run={BEFORE['run']}), version 4.",
        "",
        "| Segment | Rows | Lead in AUC (95% interval) | Segment | Rows | Lead in AUC (95% interval) |",
        "|---|---:|---|---|---:|---|",
        "| overall | 500 | +0.0123 (+0.0100 to +0.0146) | user zero | 40 | too few rows |",
    ]
    assert "Current champion: none." in decision_text({**better, "champion": None, "tests": {}})


def test_a_table_of_all_segments_is_half_as_high(better: dict[str, Any]) -> None:
    segments = [
        "overall",
        *(f"scene {n}" for n in range(5)),
        *(f"{of} {n}" for of in ("user", "item") for n in range(3)),
    ]
    table = decision_text({**better, "tests": dict.fromkeys(segments, TEST)}).splitlines()[4:]
    assert len(table) == 2 + len(segments) // 2
    assert len({line.count("|") for line in table}) == 1
    assert [name for name in segments if not any(f"| {name} |" in line for line in table)] == []


def test_the_question_is_rendered_from_the_challenge(dag: Callable[[str], DAG], better: dict[str, Any]) -> None:
    approve = dag("antm2c_retrain").get_task("approve").prepare_for_execution()
    approve.render_template_fields({"ti": TaskInstance(decision=better, decision_text=decision_text(better))})
    assert approve.subject == "New champion? mmoe_run_20231101-000000"
    assert approve.body == decision_text(better)
