"""The plugin as the API server loads it."""

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
import json, sys, time
from airflow import plugins_manager
from airflow.api_fastapi.core_api import security
before, started = set(sys.modules), time.process_time()
plugins, errors = plugins_manager._get_plugins()
seconds = time.process_time() - started
loaded = sorted(set(sys.modules) - before)
from fastapi.testclient import TestClient
apps = {app["url_prefix"]: app["app"] for app in plugins_manager.get_fastapi_plugins()[0]}
answers = {
    prefix + route.path: TestClient(app).get(route.path.format(name="board.js", run="artifacts_x")).status_code
    for prefix, app in apps.items() for route in app.routes
}
views = plugins_manager._get_ui_plugins()[0]
names = [plugin.name for plugin in plugins]
print(json.dumps({"names": names, "errors": errors, "loaded": loaded, "answers": answers, "views": views,
                  "seconds": seconds}))
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


def test_it_is_found_once_and_without_errors(airflow: dict[str, Any]) -> None:
    assert airflow["names"].count("antm2c_board") == 1
    assert airflow["errors"] == {}


def test_nothing_but_the_plugin_is_run_by_its_bare_name(airflow: dict[str, Any]) -> None:
    bare = {Path(file).stem for file in PLUGINS.rglob("*.py")} & set(airflow["loaded"])
    assert bare == {"antm2c_board"}


def test_it_loads_nothing_heavy(airflow: dict[str, Any]) -> None:
    assert not HEAVY & set(airflow["loaded"])
    assert airflow["seconds"] < 3


def test_every_route_asks_for_a_user(airflow: dict[str, Any]) -> None:
    assert len(airflow["answers"]) == 6
    assert set(airflow["answers"].values()) == {401}


def test_the_navigation_has_an_entry_that_a_route_answers(airflow: dict[str, Any]) -> None:
    (view,) = airflow["views"]
    assert (view["destination"], view["url_route"]) == ("nav", "cold-start-board")
    assert f"/{view['href']}" in airflow["answers"]
