"""Called by the scheduler when a run has ended. Tasks cannot write their run's note themselves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from plugins.run_notes.keys import DECISION, TOLD
from plugins.run_notes.story import story, with_story

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_OURS = "antm2c_"
_KEYS = (DECISION, TOLD)


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
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None or not dag_run.dag_id.startswith(_OURS):
        return
    of_run = (AssetEvent.source_dag_id == dag_run.dag_id, AssetEvent.source_run_id == dag_run.run_id)
    extras = session.scalars(select(AssetEvent.extra).where(*of_run).order_by(AssetEvent.id)).all()
    said: Sequence[Any] = session.scalars(XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id)).all()
    values = {(value.key, _name(value)): XComModel.deserialize_value(value) for value in said if value.key in _KEYS}
    decision = next((value for (key, _), value in values.items() if key == DECISION), None)
    told = {task: value for (key, task), value in values.items() if key == TOLD}
    if lines := list(story(extras, decision, told)):
        dag_run.note = with_story(dag_run.note, lines)


def _name(value: Any) -> str:
    return value.task_id if value.map_index < 0 else f"{value.task_id} {value.map_index}"
