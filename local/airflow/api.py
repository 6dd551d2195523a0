"""A client for the few requests to Airflow's REST API that are needed to run a DAG."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from local.errors import ApiError

_TIMEOUT_SECONDS = 30
_ATTEMPTS = 4
_ALWAYS = datetime.min.replace(tzinfo=UTC)


class AirflowApi:
    """The Airflow at `url`, used as `user`. Methods raise ApiError if Airflow refuses a request or does not answer."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self.user = user
        self._credentials = {"username": user, "password": password}
        self._token = ""

    def answers(self) -> bool:
        """Whether the API, its database and its endpoints for tasks answer.

        The API builds the routes for tasks at their first request, which blocks all other requests for seconds. This
        method makes that request, so that no task has to wait for it.
        """
        try:
            self._request("GET", "/execution/health", None)
        except ApiError:
            return False
        return self._health().get("metadatabase", {}).get("status") == "healthy"

    def healthy(self, since: datetime = _ALWAYS) -> bool:
        """Return whether all components of Airflow are healthy, with heartbeats no older than `since`."""
        health = self._health()
        others = {component: health.get(component, {}) for component in ("scheduler", "dag_processor", "triggerer")}
        return health.get("metadatabase", {}).get("status") == "healthy" and all(
            report.get("status") == "healthy"
            and datetime.fromisoformat(report[f"latest_{component}_heartbeat"]) >= since
            for component, report in others.items()
        )

    def has_dag(self, dag_id: str) -> bool:
        """Return whether Airflow has parsed the DAG."""
        try:
            self.call("GET", f"/api/v2/dags/{dag_id}")
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def import_errors(self) -> list[str]:
        """Return why DAG files could not be parsed: each file's name and stack trace."""
        errors = self.call("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in errors]

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run without a logical date, so that the same date can run again. Returns the run's id."""
        return self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run: queued, running, success or failed."""
        return self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the run's task instances: task_id, map_index, rendered_map_index, state, try_number, duration."""
        return self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request with a JSON body, and return the JSON answer. Only GET requests are repeated on failure."""
        if not self._token:
            self._token = self._request("POST", "/auth/token", self._credentials)["access_token"]
        # A machine under load may miss the timeout now and then.
        for _ in range(_ATTEMPTS - 1 if method == "GET" else 0):
            try:
                return self._request(method, path, body)
            except ApiError as error:
                if 400 <= error.status < 500:
                    raise
                time.sleep(1)
        return self._request(method, path, body)

    def _health(self) -> dict[str, dict[str, str]]:
        try:
            return self._request("GET", "/api/v2/monitor/health", None)
        except ApiError:
            return {}

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")[:500]
            raise ApiError(f"Airflow answered {method} {path} with {error.code}: {reason}", error.code) from error
        except (OSError, ValueError) as error:
            raise ApiError(f"Airflow did not answer {method} {self.url}{path}: {error}") from error
