"""The few calls of Airflow's REST API that running a DAG takes."""

import json
import urllib.error
import urllib.request
from typing import Any

_TIMEOUT_SECONDS = 30
_LONG_AGO = "2000-01-01T00:00:00Z"


class AirflowApi:
    """Airflow at `url`, as one of its users."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._credentials = {"username": user, "password": password}
        self._token = ""

    def healthy(self) -> bool:
        """Whether the API, scheduler, DAG processor and triggerer all answer."""
        try:
            parts = self._call("GET", "/api/v2/monitor/health")
        except (OSError, urllib.error.URLError):
            return False
        wanted = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(parts.get(part, {}).get("status") == "healthy" for part in wanted)

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG has been parsed."""
        try:
            self._call("GET", f"/api/v2/dags/{dag_id}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise
        return True

    def import_errors(self) -> list[str]:
        """Why DAG files could not be parsed."""
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in errors]

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Starts a run without a logical date, so that the same date can be run again. Returns the run's id."""
        # Due long ago: it comes before the scheduled run that unpausing a DAG may bring.
        run = {"logical_date": None, "run_after": _LONG_AGO, "conf": conf}
        return self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", run)["dag_run_id"]

    def set_paused(self, dag_id: str, paused: bool) -> None:
        """Pauses or unpauses a DAG."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def run_state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances: task_id, map_index, state, try_number, duration."""
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._token and not path.endswith("/health"):
            self._token = self._request("POST", "/auth/token", self._credentials)["access_token"]
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return json.load(answer)
