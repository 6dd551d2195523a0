"""The listener that Airflow calls, usually in the scheduler, when a run has ended. Tasks cannot write a run's note."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from orchestration.task_messages import APPROVE, CHALLENGE, DECISION, MESSAGE
from plugins.run_notes.note import result_lines, with_result

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_DAG_PREFIX = "antm2c_"
_RETURNED = "return_value"
_KEYS = (DECISION, MESSAGE, _RETURNED)
_ENDED = ("success", "failed", "skipped")  # a task in another state may still have values of an earlier try


@hookimpl
def on_dag_run_success(dag_run: "DagRun") -> None:
    """Record in the run's note what was published, trained or skipped."""
    _write_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: "DagRun") -> None:
    """Write into the run's note what went wrong."""
    _write_note(dag_run)


def _write_note(dag_run: "DagRun") -> None:
    # Imported here because task processes, which should start fast, load this file too.
    from airflow.models.asset import AssetEvent
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None or not dag_run.dag_id.startswith(_DAG_PREFIX):
        return
    published = select(AssetEvent).where(
        AssetEvent.source_dag_id == dag_run.dag_id, AssetEvent.source_run_id == dag_run.run_id
    )
    # Ordered, so that the last event of a task that ran more than once is the one that is kept.
    events = {
        (event.asset_id, event.source_task_id, event.source_map_index): event.extra
        for event in session.scalars(published.order_by(AssetEvent.id))
    }
    tasks = select(TaskInstance.task_id, TaskInstance.map_index).where(
        TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id, TaskInstance.state.in_(_ENDED)
    )
    ended = {(task_id, map_index) for task_id, map_index in session.execute(tasks)}
    all_values = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id)
    found: Sequence[Any] = session.scalars(all_values.where(XComModel.key.in_(_KEYS))).all()
    values = {
        (value.key, _task_name(value)): XComModel.deserialize_value(value)
        for value in found
        if (value.task_id, value.map_index) in ended and (value.key != _RETURNED or value.task_id == APPROVE)
    }
    decision, answer = values.get((DECISION, CHALLENGE)), values.get((_RETURNED, APPROVE))
    messages = {task: value for (key, task), value in values.items() if key == MESSAGE}
    if lines := list(result_lines(events.values(), decision, answer, messages)):
        dag_run.note = with_result(dag_run.note, lines)


def _task_name(value: Any) -> str:
    return value.task_id if value.map_index < 0 else f"{value.task_id} {value.map_index}"
