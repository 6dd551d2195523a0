"""The listener that Airflow calls when a run has succeeded, usually in the scheduler.

It waits until the scheduler has committed its transaction, and then uses its own session: the scheduler allows no other
commit in its transaction, and would crash if there were an error in it.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from orchestration.assets import TRAINING_TABLE
from orchestration.run_dates import DAILY, dates_of
from orchestration.task_messages import NEEDED_DATE
from warehouse.calendar_days import days
from warehouse.settings import read_settings

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_success(dag_run: "DagRun") -> None:
    """Clear the failed tasks of dates that need what the run has published."""
    from sqlalchemy import event
    from sqlalchemy.orm import object_session

    session, dates = object_session(dag_run), dates_of(dag_run)
    if session is None or dates is None:
        return
    published, dag_id, run_id = days(*dates), dag_run.dag_id, dag_run.run_id
    event.listen(session, "after_commit", lambda _: _let_go_on(published, dag_id, run_id), once=True)


def _let_go_on(published: Sequence[str], dag_id: str, run_id: str) -> None:
    from airflow.utils.session import create_session

    try:
        with create_session(scoped=False) as session:  # the scoped one is the scheduler's own
            if _has_published(dag_id, run_id, session):
                clear_dates_that_need(published, session)
    except Exception:
        log.exception("The dates that need %s could not be cleared: clear their wait_for_history", published)


def _has_published(dag_id: str, run_id: str, session: "Session") -> bool:
    """Return whether the run has published a training table. Runs that a person marked as successful may not have."""
    from airflow.models.asset import AssetEvent, AssetModel
    from sqlalchemy import select

    events = select(AssetEvent.id).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
    of_run = (AssetEvent.source_dag_id == dag_id, AssetEvent.source_run_id == run_id)
    return session.scalar(events.where(AssetModel.name == TRAINING_TABLE.name, *of_run).limit(1)) is not None


def clear_dates_that_need(published: Sequence[str], session: "Session") -> None:
    """Clear tasks that failed because they need one of the published dates, and the tasks that failed after them.

    Tasks whose state was set by a person stay as they are.
    """
    from airflow.models.taskinstance import TaskInstance, clear_task_instances
    from airflow.models.xcom import XComModel
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import and_, select

    of_task = and_(
        *(
            getattr(XComModel, name) == getattr(TaskInstance, name)
            for name in ("dag_id", "run_id", "task_id", "map_index")
        )
    )
    failed = (
        select(TaskInstance, XComModel)
        .join(XComModel, of_task)
        .where(
            XComModel.key == NEEDED_DATE, TaskInstance.dag_id == DAILY, TaskInstance.state == TaskInstanceState.FAILED
        )
        .with_for_update(of=TaskInstance, skip_locked=True)  # a person may be clearing the same task
    )
    dataset = read_settings().dataset
    for task, word in session.execute(failed):
        needed = XComModel.deserialize_value(word)
        if needed["dataset"] == dataset and needed["date"] in published:
            log.info("%s of %s is cleared: %s is published", task.task_id, task.run_id, needed["date"])
            clear_task_instances([task, *_failed_because_of(task, session)], session)


def _failed_because_of(task: "TaskInstance", session: "Session") -> Sequence["TaskInstance"]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import select

    of_run = (TaskInstance.dag_id == task.dag_id, TaskInstance.run_id == task.run_id)
    return session.scalars(
        select(TaskInstance).where(*of_run, TaskInstance.state == TaskInstanceState.UPSTREAM_FAILED)
    ).all()
