"""Run a DAG, wait until it ends, and print the states of its tasks."""

import json
import time
from pathlib import Path
from typing import Any

from local.airflow.api import AirflowApi
from local.airflow.start import AIRFLOW_LOG
from local.errors import RunError

_LOOK_SECONDS = 1.0
_PARSE_SECONDS = 120
_LOG_LINES = 30
_PRINTED_STATES = ("success", "failed", "up_for_retry", "deferred")


def run_dag(api: AirflowApi, home: Path, dag_id: str, conf: dict[str, Any], timeout: float) -> str:
    """Run a DAG with `conf` as its params, and wait until it ends. Returns the run's id.

    Raises RunError if it fails or takes more than `timeout` seconds.
    """
    _wait_until_parsed(api, home, dag_id)
    run_id = api.trigger(dag_id, conf)
    print(f"\n{dag_id}  " + "  ".join(f"{name}={value}" for name, value in conf.items()), flush=True)
    printed: dict[tuple[str, int], tuple[str, int]] = {}
    deadline = time.monotonic() + timeout
    while True:
        state = api.run_state(dag_id, run_id)
        tasks = api.task_instances(dag_id, run_id)
        for task in tasks:
            key, now = (task["task_id"], task["map_index"]), (task["state"], task["try_number"])
            if task["state"] in _PRINTED_STATES and printed.get(key) != now:
                printed[key] = now
                print(_line(task), flush=True)
        if state == "success":
            return run_id
        if state == "failed":
            raise RunError(_failure(home, dag_id, run_id, tasks))
        if time.monotonic() > deadline:
            late = f"{dag_id} is still {state} after {timeout:.0f} s{_unfinished(tasks)}"
            raise RunError(f"{late}; its logs are in {home / 'logs'}. To start over, run the same command again")
        time.sleep(_LOOK_SECONDS)


def _wait_until_parsed(api: AirflowApi, home: Path, dag_id: str) -> None:
    deadline = time.monotonic() + _PARSE_SECONDS
    while not api.has_dag(dag_id):
        if errors := api.import_errors():
            raise RunError("; ".join(errors))
        if time.monotonic() > deadline:
            raise RunError(f"Airflow has not parsed {dag_id} after {_PARSE_SECONDS} s; see {home / AIRFLOW_LOG}")
        time.sleep(_LOOK_SECONDS)


def _unfinished(tasks: list[dict[str, Any]]) -> str:
    left = [task for task in tasks if task["state"] not in (None, "success", "skipped")]
    named = ", ".join(f"{_name(task)} {task['state']}" for task in left)
    return f" ({named})" if named else ""


def _line(task: dict[str, Any]) -> str:
    return f"  {_name(task):<20} {task['state']:<12} {task['duration'] or 0:6.1f} s"


def _name(task: dict[str, Any]) -> str:
    if task["map_index"] < 0:
        return task["task_id"]
    return f"{task['task_id']} {task.get('rendered_map_index') or task['map_index']}"


def _failure(home: Path, dag_id: str, run_id: str, tasks: list[dict[str, Any]]) -> str:
    failed = next((task for task in tasks if task["state"] == "failed"), None)
    if failed is None:
        return f"{dag_id} failed, but none of its tasks did; see {home / AIRFLOW_LOG}"
    folder = home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={failed['task_id']}"
    if failed["map_index"] >= 0:
        folder /= f"map_index={failed['map_index']}"
    log = folder / f"attempt={failed['try_number']}.log"
    if not log.exists():
        return f"{dag_id}: {failed['task_id']} failed before it wrote a log; see {home / AIRFLOW_LOG}"
    return f"{dag_id}: {failed['task_id']} failed. The end of {log}:\n" + "\n".join(_events(log)[-_LOG_LINES:])


def _events(log: Path) -> list[str]:
    """Return the messages in a task's log, including errors."""
    events = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
            events.append(str(entry["event"]))
            events += [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail", ())]
        except (ValueError, KeyError, TypeError):
            events.append(line)
    return [event for event in events if not event.startswith("::")]
