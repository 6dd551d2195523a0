from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from airflow.sdk import DAG
from airflow.sdk.execution_time.xcom import XCom
from airflow.serialization.serialized_objects import DagSerialization

from orchestration.training_operators import BoardLink

RUN = "artifacts_mmoe_run_20231101-000000"


@pytest.fixture
def returned(monkeypatch: pytest.MonkeyPatch) -> Mock:
    value = Mock(return_value=f"/var/artifacts/{RUN}")
    monkeypatch.setattr(XCom, "get_value", value)
    return value


def link() -> str:
    key = SimpleNamespace(dag_id="antm2c_retrain", task_id="train", run_id="r", map_index=2)
    return BoardLink().get_link(Mock(), ti_key=key)


@pytest.mark.usefixtures("returned")
def test_the_link_opens_the_board_at_the_run_that_the_task_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080/airflow")
    assert link() == f"/airflow/plugin/cold-start-board/airflow/antm2c/board?run={RUN}"


def test_a_task_that_returned_no_run_has_no_link(returned: Mock) -> None:
    returned.return_value = None
    assert link() == ""


def test_training_tasks_alone_have_it_and_the_server_knows_it(dag) -> None:
    retrain: DAG = dag("antm2c_retrain")
    served = DagSerialization.from_dict(DagSerialization.to_dict(retrain))
    linked = {
        task.task_id: list(task.operator_extra_link_dict) for task in served.tasks if task.operator_extra_link_dict
    }
    assert linked == {"train": ["Cold-start board"]}


def test_the_server_knows_that_the_challenge_skips_tasks(dag) -> None:
    served = DagSerialization.from_dict(DagSerialization.to_dict(dag("antm2c_retrain")))
    assert served.get_task("challenge").inherits_from_skipmixin
