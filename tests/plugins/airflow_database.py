"""A database with Airflow's own tables, and runs and tasks put into it by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.base import Base
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.taskinstance import TaskInstance, uuid7
from airflow.models.xcom import XComModel
from airflow.utils.db import import_all_models
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunType
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from orchestration.assets import TRAINING_TABLE
from orchestration.run_dates import DAILY


@pytest.fixture(scope="session")
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
        for table in (XComModel, TaskInstance, AssetEvent, AssetModel, DagRunNote, DagRun):
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


def add_task(
    session: Session, run: DagRun, task_id: str, state: TaskInstanceState, index: int = -1, name: str = ""
) -> None:
    """name: of a mapped task, as its page shows it."""
    place = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": task_id, "map_index": index}
    counts = {"try_number": 1, "max_tries": 2, "pool": "default_pool", "pool_slots": 1, "priority_weight": 1}
    more = {"state": state, "executor_config": {}, "id": uuid7(), "rendered_map_index": name or None}
    session.execute(TaskInstance.__table__.insert().values(**place, **counts, **more))
    session.commit()


def leave(session: Session, run: DagRun, task_id: str, key: str, value: Any, index: int = -1) -> None:
    """Put a value of a task into XCom."""
    place = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": task_id, "map_index": index}
    session.execute(XComModel.__table__.insert().values(**place, dag_run_id=run.id, key=key, value=value))
    session.commit()


def publish(session: Session, run: DagRun, **extra: Any) -> None:
    """Put an event of the training table's asset there."""
    asset = session.scalar(select(AssetModel.id))
    session.add(AssetEvent(asset_id=asset, source_dag_id=run.dag_id, source_run_id=run.run_id, extra=extra))
    session.commit()
