"""Dates that go on when the date before them is published, in a database with Airflow's own tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.base import Base
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, uuid7
from airflow.models.xcom import XComModel
from airflow.utils.db import import_all_models
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunType
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from orchestration.assets import TRAINING_TABLE
from orchestration.run_dates import DAILY, HISTORY
from orchestration.task_messages import NEEDED_DATE
from plugins.waiting_dates.listener import on_dag_run_success
from warehouse.calendar_days import days_before
from warehouse.settings import read_settings

FAILED, SUCCESS, UPSTREAM_FAILED = (
    TaskInstanceState.FAILED,
    TaskInstanceState.SUCCESS,
    TaskInstanceState.UPSTREAM_FAILED,
)
FIRST, SECOND, THIRD = "2023-07-11", "2023-07-12", "2023-07-13"
WAIT, LOGS, FEATURES, TABLE = "wait_for_history", "csv_to_orc", "user_features", "training_table"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    import_all_models()
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('airflow')}/airflow.db")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The scheduler's session. The listener gets sessions of its own on the same database."""

    @contextmanager
    def another(scoped: bool = True) -> Iterator[Session]:
        assert not scoped
        with Session(engine) as other:
            yield other
            other.commit()

    monkeypatch.setattr("airflow.utils.session.create_session", another)
    with Session(engine) as session:
        session.add(AssetModel(name=TRAINING_TABLE.name, uri=TRAINING_TABLE.name, group="asset"))
        session.commit()
        yield session
        session.rollback()
        for table in (XComModel, TaskInstance, AssetEvent, AssetModel, DagRun):
            session.execute(table.__table__.delete())
        session.commit()


def run_of(session: Session, day: str, state: DagRunState, dag_id: str = DAILY, **conf: Any) -> DagRun:
    """A run as Airflow has it: by hand at some hour if it has a configuration, in a backfill if not."""
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    logical_date, kind = (midnight, DagRunType.BACKFILL_JOB)
    if conf:
        logical_date, kind = midnight + timedelta(days=100, hours=9), DagRunType.MANUAL
    run_id = f"{kind.value}__{dag_id}_{day}"
    run = DagRun(
        dag_id, run_id, logical_date=logical_date, run_after=logical_date, conf=conf, state=state, run_type=kind
    )
    session.add(run)
    session.commit()
    return run


def tasks_of(session: Session, run: DagRun, states: dict[str, TaskInstanceState]) -> None:
    for task_id, state in states.items():
        values = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": task_id, "map_index": -1, "state": state}
        counts = {"try_number": 1, "max_tries": 2, "pool": "default_pool", "pool_slots": 1, "priority_weight": 1}
        times = {"trigger_timeout": None, "executor_config": {}, "id": uuid7()}
        session.execute(TaskInstance.__table__.insert().values(**values, **counts, **times))
    session.commit()


def waiting(session: Session, day: str, dataset: str | None = None, word: bool = True, **states: Any) -> DagRun:
    """A run whose wait has failed because the date before `day` was not published. word: whether the wait says so."""
    run = run_of(session, day, DagRunState.FAILED)
    failed = {LOGS: SUCCESS, WAIT: FAILED, FEATURES: UPSTREAM_FAILED, TABLE: UPSTREAM_FAILED}
    tasks_of(session, run, {**failed, **states})
    if word:
        value = {"dataset": dataset or read_settings().dataset, "date": days_before(day, 1)}
        place = {"dag_run_id": run.id, "dag_id": run.dag_id, "run_id": run.run_id, "task_id": WAIT, "map_index": -1}
        session.execute(XComModel.__table__.insert().values(**place, key=NEEDED_DATE, value=value))
        session.commit()
    return run


def succeeds(session: Session, run: DagRun, publishes: bool = True) -> None:
    """What the scheduler does when a run has succeeded, under its guard against commits."""
    if publishes:
        asset = session.scalar(select(AssetModel.id))
        session.add(AssetEvent(asset_id=asset, source_dag_id=run.dag_id, source_run_id=run.run_id, extra={}))
        session.commit()
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
