"""Called when a run has ended, by the scheduler as a rule. Tasks cannot write their run's note themselves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from orchestration.task_messages import APPROVE, CHALLENGE, DECISION, MESSAGE
from plugins.run_notes.story import story, with_story

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_OURS = "antm2c_"
_RETURNED = "return_value"
_KEYS = (DECISION, MESSAGE, _RETURNED)
_RAN = ("success", "failed", "skipped")  # others may still have what an earlier attempt left


@hookimpl
def on_dag_run_success(dag_run: "DagRun") -> None:
    """The run's note says what was published, trained or skipped."""
    _write_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: "DagRun") -> None:
    """The run's note says what went wrong."""
    _write_note(dag_run)


def _write_note(dag_run: "DagRun") -> None:
    # Processes of tasks load this file too, and should start fast.
    from airflow.models.asset import AssetEvent
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None or not dag_run.dag_id.startswith(_OURS):
        return
    published = select(AssetEvent).where(
        AssetEvent.source_dag_id == dag_run.dag_id, AssetEvent.source_run_id == dag_run.run_id
    )
    # Of a task that was run again the last word counts.
    events = {
        (event.asset_id, event.source_task_id, event.source_map_index): event.extra
        for event in session.scalars(published.order_by(AssetEvent.id))
    }
    tasks = select(TaskInstance.task_id, TaskInstance.map_index).where(
        TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id, TaskInstance.state.in_(_RAN)
    )
    ran = {(task_id, map_index) for task_id, map_index in session.execute(tasks)}
    left = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id)
    kept: Sequence[Any] = session.scalars(left.where(XComModel.key.in_(_KEYS))).all()
    values = {
        (value.key, _name(value)): XComModel.deserialize_value(value)
        for value in kept
        if (value.task_id, value.map_index) in ran and (value.key != _RETURNED or value.task_id == APPROVE)
    }
    decision, answer = values.get((DECISION, CHALLENGE)), values.get((_RETURNED, APPROVE))
    told = {task: value for (key, task), value in values.items() if key == MESSAGE}
    if lines := list(story(events.values(), decision, answer, told)):
        dag_run.note = with_story(dag_run.note, lines)


def _name(value: Any) -> str:
    return value.task_id if value.map_index < 0 else f"{value.task_id} {value.map_index}"
