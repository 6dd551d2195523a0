"""The listener that Airflow calls when a run starts or ends, usually in the scheduler. It writes the run's note."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from orchestration.run_dates import SCORE, WATCH, dates_of
from orchestration.task_messages import APPROVE, CHALLENGE, DECISION, MESSAGE
from plugins.run_notes.note import story_of, with_story

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

_DAG_PREFIX = "antm2c_"
_RETURNED = "return_value"
_KEYS = (DECISION, MESSAGE, _RETURNED)
_ENDED = ("success", "failed", "skipped")  # a task in another state may still have values of an earlier try


@hookimpl
def on_dag_run_running(dag_run: "DagRun") -> None:
    """Write into the run's note which dates it processes. An earlier result is removed."""
    if dag_run.dag_id.startswith(_DAG_PREFIX):
        dag_run.note = with_story(dag_run.note, _subject(dag_run, []), ["running"])


@hookimpl
def on_dag_run_success(dag_run: "DagRun") -> None:
    """Write into the run's note what was published, trained or skipped."""
    _write_note(dag_run, "succeeded")


@hookimpl
def on_dag_run_failed(dag_run: "DagRun") -> None:
    """Write into the run's note what went wrong."""
    _write_note(dag_run, "failed")


def _write_note(dag_run: "DagRun", how_it_ended: str) -> None:
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None or not dag_run.dag_id.startswith(_DAG_PREFIX):
        return
    events, values = _events(dag_run, session), _values(dag_run, session)
    decision, answer = values.get((DECISION, CHALLENGE)), values.get((_RETURNED, APPROVE))
    messages = {task: value for (key, task), value in values.items() if key == MESSAGE}
    lines = list(story_of(events, decision, answer, messages)) or [how_it_ended]
    dag_run.note = with_story(dag_run.note, _subject(dag_run, events), lines)


def _subject(dag_run: "DagRun", events: Iterable[dict[str, Any]]) -> str:
    """Return what a run is for: the dates that it processes, or the as-of date of a retraining, if known."""
    if dates := dates_of(dag_run):
        return " to ".join(dict.fromkeys(dates))
    if dag_run.dag_id == SCORE:
        asked = [date for name in ("date", "last_date") if (date := (dag_run.conf or {}).get(name))]
        scored = next((event["date"] for event in events if "date" in event), " to ".join(dict.fromkeys(asked)))
        return f"Scoring of {scored}" if scored else "Scoring"
    if dag_run.dag_id == WATCH:
        dates = next((event["watched"] for event in events if "watched" in event), (dag_run.conf or {}).get("date"))
        return f"Watch of {dates}" if dates else "Watch"
    as_of = next((event["as_of"] for event in events if "as_of" in event), (dag_run.conf or {}).get("as_of"))
    return f"Retraining as of {as_of}" if as_of else "Retraining"


def _events(dag_run: "DagRun", session: "Session") -> list[dict[str, Any]]:
    """Return the contents of the run's asset events."""
    # Imported here because task processes, which should start fast, load this file too.
    from airflow.models.asset import AssetEvent
    from sqlalchemy import select

    published = select(AssetEvent).where(
        AssetEvent.source_dag_id == dag_run.dag_id, AssetEvent.source_run_id == dag_run.run_id
    )
    # Ordered, so that the last event of a task that ran more than once is the one that is kept.
    events = {
        (event.asset_id, event.source_task_id, event.source_map_index): event.extra
        for event in session.scalars(published.order_by(AssetEvent.id))
    }
    return list(events.values())


def _values(dag_run: "DagRun", session: "Session") -> dict[tuple[str, str], Any]:
    """Return the messages in XCom of tasks that have ended, by XCom key and name of the task."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    tasks = select(TaskInstance).where(
        TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id, TaskInstance.state.in_(_ENDED)
    )
    names = {
        (ti.task_id, ti.map_index): ti.task_id if ti.map_index < 0 else f"{ti.task_id} {ti.rendered_map_index}"
        for ti in session.scalars(tasks)
    }
    all_values = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id)
    found: Sequence[Any] = session.scalars(all_values.where(XComModel.key.in_(_KEYS))).all()
    return {
        (value.key, names[task]): XComModel.deserialize_value(value)
        for value in found
        if (task := (value.task_id, value.map_index)) in names and (value.key != _RETURNED or value.task_id == APPROVE)
    }
