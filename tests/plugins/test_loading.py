"""The plugins as the API server loads them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from warehouse.settings import REPOSITORY

PLUGINS = REPOSITORY / "plugins"
HEAVY = {"torch", "pyspark", "pandas", "sklearn", "matplotlib", "plotly"}
PROGRAM = """
import json, sys
from airflow import plugins_manager
before = set(sys.modules)
plugins, errors = plugins_manager._get_plugins()
on_load = sorted(set(sys.modules) - before)

from fastapi.testclient import TestClient
(mounted,) = plugins_manager.get_fastapi_plugins()[0]
paths = [route.path for route in sys.modules["antm2c_board"].board().routes]
ask = TestClient(mounted["app"]).get
answers = {mounted["url_prefix"] + path: ask(path.format(name="board.js", run="any")).status_code for path in paths}
print(json.dumps({
    "names": [plugin.name for plugin in plugins],
    "errors": errors,
    "on_load": on_load,
    "on_request": sorted(set(sys.modules) - before),
    "answers": answers,
    "views": plugins_manager._get_ui_plugins()[0],
}))
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an Airflow of its own says of the plugins it found."""
    settings = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "PYTHONPATH": str(REPOSITORY),
    }
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_they_are_found_once_and_without_errors(airflow: dict[str, Any]) -> None:
    assert sorted(name for name in airflow["names"] if name.startswith("antm2c")) == [
        "antm2c_board",
        "antm2c_run_notes",
        "antm2c_waiting_dates",
    ]
    assert airflow["errors"] == {}


def test_nothing_but_the_plugins_is_run_by_its_bare_name(airflow: dict[str, Any]) -> None:
    bare = {Path(file).stem for file in PLUGINS.rglob("*.py")} & set(airflow["on_load"])
    assert bare == {"antm2c_board", "antm2c_run_notes", "antm2c_waiting_dates"}


def test_a_task_that_loads_plugins_does_not_pay_for_the_board(airflow: dict[str, Any]) -> None:
    assert not {"plugins.board.routes", "airflow.api_fastapi.core_api.security"} & set(airflow["on_load"])


def test_the_board_loads_nothing_heavy(airflow: dict[str, Any]) -> None:
    assert "plugins.board.routes" in airflow["on_request"]
    assert not HEAVY & set(airflow["on_request"])


def test_every_route_asks_for_a_user(airflow: dict[str, Any]) -> None:
    assert len(airflow["answers"]) == 9
    assert set(airflow["answers"].values()) == {401}


def test_the_navigation_has_an_entry_that_a_route_answers(airflow: dict[str, Any]) -> None:
    (view,) = airflow["views"]
    assert (view["destination"], view["url_route"]) == ("nav", "cold-start-board")
    assert f"/{view['href']}" in airflow["answers"]
