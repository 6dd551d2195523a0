"""Running one DAG to its end while saying what happens."""

import json
import time
from pathlib import Path
from typing import Any

from local_airflow.api import AirflowApi

_LOOK_SECONDS = 1.0
_PARSE_SECONDS = 120
_LOG_LINES = 30


class RunError(Exception):
    """A sentence: which task failed, with the end of its log."""


def run_dag(api: AirflowApi, home: Path, dag_id: str, conf: dict[str, Any], timeout: float) -> None:
    """Runs a DAG with the given params to its end. Raises RunError where it fails or outlasts `timeout` seconds."""
    _wait_until_parsed(api, dag_id)
    run_id = api.trigger(dag_id, conf)
    print(f"{dag_id} {json.dumps(conf)}", flush=True)
    api.set_paused(dag_id, paused=False)
    try:
        _watch(api, home, dag_id, run_id, timeout)
    finally:
        api.set_paused(dag_id, paused=True)


def _wait_until_parsed(api: AirflowApi, dag_id: str) -> None:
    deadline = time.monotonic() + _PARSE_SECONDS
    while not api.has_dag(dag_id):
        if errors := api.import_errors():
            raise RunError("; ".join(errors))
        if time.monotonic() > deadline:
            raise RunError(f"Airflow has not parsed {dag_id} after {_PARSE_SECONDS} s")
        time.sleep(_LOOK_SECONDS)


def _watch(api: AirflowApi, home: Path, dag_id: str, run_id: str, timeout: float) -> None:
    said: dict[tuple[str, int], str] = {}
    deadline = time.monotonic() + timeout
    while True:
        state = api.run_state(dag_id, run_id)
        for task in api.task_instances(dag_id, run_id):
            key, now = (task["task_id"], task["map_index"]), task["state"]
            if now in ("success", "failed", "up_for_retry", "deferred") and said.get(key) != now:
                said[key] = now
                print(f"  {task['task_id']:<20} {now:<12} {task['duration'] or 0:6.1f} s", flush=True)
        if state == "success":
            return
        if state == "failed":
            raise RunError(_failure(api, home, dag_id, run_id))
        if time.monotonic() > deadline:
            raise RunError(f"{dag_id} is still {state} after {timeout:.0f} s; its logs lie in {home / 'logs'}")
        time.sleep(_LOOK_SECONDS)


def _failure(api: AirflowApi, home: Path, dag_id: str, run_id: str) -> str:
    failed = next(task for task in api.task_instances(dag_id, run_id) if task["state"] == "failed")
    folder = home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={failed['task_id']}"
    logs = sorted(folder.rglob("*.log"))
    tail = "\n".join(_events(logs[-1])[-_LOG_LINES:]) if logs else "it wrote no log"
    return f"{dag_id}: {failed['task_id']} failed. The end of {logs[-1] if logs else folder}:\n{tail}"


def _events(log: Path) -> list[str]:
    events = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            events.append(str(json.loads(line)["event"]))
        except (ValueError, KeyError, TypeError):
            events.append(line)
    return events
