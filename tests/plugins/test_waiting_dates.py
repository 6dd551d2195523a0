"""Dates that go on when the date before them is published, in a database with Airflow's own tables."""

from typing import Any
from unittest.mock import Mock

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import Session

from orchestration.run_dates import DAILY, HISTORY
from orchestration.task_messages import NEEDED_DATE
from plugins.waiting_dates.listener import on_dag_run_success
from tests.plugins.airflow_database import add_task, leave, publish, run_of
from warehouse.calendar_days import days_before
from warehouse.settings import read_settings

FAILED, SUCCESS, UPSTREAM_FAILED = (
    TaskInstanceState.FAILED,
    TaskInstanceState.SUCCESS,
    TaskInstanceState.UPSTREAM_FAILED,
)
FIRST, SECOND, THIRD = "2023-07-11", "2023-07-12", "2023-07-13"
WAIT, LOGS, FEATURES, TABLE = "wait_for_history", "csv_to_orc", "user_features", "training_table"


def waiting(session: Session, day: str, dataset: str | None = None, word: bool = True, **states: Any) -> DagRun:
    """A run whose wait has failed because the date before `day` was not published. word: whether the wait says so."""
    run = run_of(session, day, DagRunState.FAILED)
    failed = {LOGS: SUCCESS, WAIT: FAILED, FEATURES: UPSTREAM_FAILED, TABLE: UPSTREAM_FAILED}
    for task_id, state in {**failed, **states}.items():
        add_task(session, run, task_id, state)
    if word:
        value = {"dataset": dataset or read_settings().dataset, "date": days_before(day, 1)}
        leave(session, run, WAIT, NEEDED_DATE, value)
    return run


def succeeds(session: Session, run: DagRun, publishes: bool = True) -> None:
    """What the scheduler does when a run has succeeded, under its guard against commits."""
    if publishes:
        publish(session, run)
    with prohibit_commit(session) as guard:
        run.state = DagRunState.SUCCESS
        on_dag_run_success(run)
        assert run.state == DagRunState.SUCCESS
        guard.commit()
    session.expire_all()


def states_of(session: Session, run: DagRun) -> dict[str, str | None]:
    tasks = session.execute(select(TaskInstance.task_id, TaskInstance.state).where(TaskInstance.run_id == run.run_id))
    return {task.task_id: task.state for task in tasks}


CLEARED = {LOGS: "success", WAIT: None, FEATURES: None, TABLE: None}
KEPT = {LOGS: "success", WAIT: "failed", FEATURES: "upstream_failed", TABLE: "upstream_failed"}


def test_the_date_after_it_goes_on_and_no_other(session: Session) -> None:
    second, third = waiting(session, SECOND), waiting(session, THIRD)
    succeeds(session, run_of(session, FIRST, DagRunState.RUNNING))
    assert states_of(session, second) == CLEARED
    assert second.state == DagRunState.QUEUED
    assert states_of(session, third) == KEPT
    assert third.state == DagRunState.FAILED
    succeeds(session, second)
    assert states_of(session, third) == CLEARED


@pytest.mark.parametrize(
    ("dag_id", "conf"),
    [
        (DAILY, {"run_date": FIRST}),
        (HISTORY, {"start_date": "2023-07-01", "end_date": FIRST}),
        (HISTORY, {"start_date": "2023-07-01", "end_date": "2023-07-31"}),
    ],
    ids=["a run by hand", "a range that ends before it", "a range around it"],
)
def test_any_run_that_publishes_the_date_counts(session: Session, dag_id: str, conf: dict[str, str]) -> None:
    second = waiting(session, SECOND)
    succeeds(session, run_of(session, "2023-07-20", DagRunState.RUNNING, dag_id, **conf))
    assert states_of(session, second) == CLEARED


def test_a_run_that_still_runs_goes_on_too(session: Session) -> None:
    second = waiting(session, SECOND)
    second.state = DagRunState.RUNNING
    session.commit()
    succeeds(session, run_of(session, FIRST, DagRunState.RUNNING))
    assert states_of(session, second) == CLEARED
    assert second.state == DagRunState.RUNNING


@pytest.mark.parametrize(
    ("second", "publishes"),
    [
        ({"dataset": "another"}, True),
        ({"word": False}, True),
        ({WAIT: SUCCESS, FEATURES: FAILED}, True),
        ({}, False),
    ],
    ids=["of another dataset", "marked as failed by a person", "marked as a success by a person", "nothing published"],
)
def test_what_must_not_be_cleared_stays(session: Session, second: dict[str, Any], publishes: bool) -> None:
    run = waiting(session, SECOND, **second)
    before = states_of(session, run)
    succeeds(session, run_of(session, FIRST, DagRunState.RUNNING), publishes)
    assert states_of(session, run) == before


def test_a_task_after_it_that_a_person_marked_stays(session: Session) -> None:
    second = waiting(session, SECOND, **{FEATURES: SUCCESS})
    succeeds(session, run_of(session, FIRST, DagRunState.RUNNING))
    assert states_of(session, second) == {**CLEARED, FEATURES: "success"}


def test_a_fault_leaves_the_scheduler_alone_and_is_logged(
    session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    second = waiting(session, SECOND)

    broken = Mock(side_effect=OSError("the database is full"))
    monkeypatch.setattr("airflow.utils.session.create_session", broken)
    first = run_of(session, FIRST, DagRunState.RUNNING)
    succeeds(session, first)
    assert first.state == DagRunState.SUCCESS
    assert states_of(session, second) == KEPT
    assert "could not be cleared: clear their wait_for_history" in caplog.text


def test_a_run_of_another_dag_is_ignored(session: Session) -> None:
    second = waiting(session, SECOND)
    succeeds(session, run_of(session, FIRST, DagRunState.RUNNING, "antm2c_retrain"))
    assert states_of(session, second) == KEPT
