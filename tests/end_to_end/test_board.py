"""The cold-start board inside a real Airflow."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.board_runs import evaluated_rows, write_run_folder
from local_airflow.processes import local_airflow

STARTED = datetime(2023, 11, 1, tzinfo=UTC)
# As antm2c_retrain has it, with a callable that finds its run done already.
DAG_FILE = """
from airflow.sdk import DAG
from dags.common.training_operator import TrainingOperator

with DAG("retrain", schedule=None):
    train = TrainingOperator.partial(task_id="train", python_callable=lambda run: run)
    train.expand(op_kwargs=[{"run": RUN}])
"""
TIMEOUT_SECONDS = 120


def answer(url: str, token: str = "", body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Status and content."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read().decode()
            return response.status, json.loads(text) if text[:1] in "{[" else text
    except urllib.error.HTTPError as error:
        return error.code, None


def test_a_user_finds_the_board_and_a_training_task_links_to_its_run(folder: Path) -> None:
    run = write_run_folder(folder / "artifacts", "demo", "mmoe", "2023-07-23", STARTED, evaluated_rows(seed=1))
    (folder / "dags").mkdir()
    (folder / "dags" / "retrain.py").write_text(DAG_FILE.replace("RUN", repr(str(run))))
    home = folder / "airflow"
    settings = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "ANTM2C_WAREHOUSE": (folder / "warehouse").as_uri(),
        "ANTM2C_ARTIFACTS": str(folder / "artifacts"),
    }
    with local_airflow(home, settings) as api:
        password = json.loads((home / "passwords.json").read_text())[api.user]
        token = answer(f"{api.url}/auth/token", body={"username": api.user, "password": password})[1]["access_token"]
        for path in ("board", "data/runs", "data/freshness", f"reports/{run.name}", "assets/board.js"):
            assert answer(f"{api.url}/antm2c/{path}")[0] == 401
            assert answer(f"{api.url}/antm2c/{path}", "not.a.token")[0] in (401, 403)
            assert answer(f"{api.url}/antm2c/{path}", token)[0] == 200
        shown = answer(f"{api.url}/antm2c/data/runs", token)[1]["runs"]
        assert [line["name"] for line in shown] == [run.name]

        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not api.has_dag("retrain"):
            assert time.monotonic() < deadline, api.import_errors()
            time.sleep(0.5)
        dag_run = api.trigger("retrain", {})
        while api.run_state("retrain", dag_run) != "success":
            assert time.monotonic() < deadline, api.task_instances("retrain", dag_run)
            time.sleep(0.5)
        task = f"{api.url}/api/v2/dags/retrain/dagRuns/{quote(dag_run)}/taskInstances/train"
        links = answer(f"{task}/links?map_index=0", token)[1]["extra_links"]
        assert links == {"Cold-start board": f"/plugin/cold-start-board/antm2c/board?run={run.name}"}
        assert answer(api.url + links["Cold-start board"])[0] == 200
