"""`make up` on a machine without a registry.

The images of Debian with Python, PostgreSQL, HAProxy and HDFS are made from this machine, see `stand_ins`. Those of
Spark, Airflow, MLflow and the trainer are built from the project's Dockerfiles.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.airflow.api import AirflowApi
from local.airflow.dag_runs import run_dag
from local.errors import RunError
from tests.docker.conftest import Docker
from tests.docker.daemon import docker
from training.runs.layout import METRICS_FILE

pytestmark = pytest.mark.long

FILES = ("--file", "docker-compose.yml", "--file", "tests/docker/on_free_ports.yml")
SERVICES = (
    *("namenode", "datanode", "postgres", "spark-master", "spark-worker", "socket-proxy", "mlflow"),
    *("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"),
)
DATES = ("2023-07-10", "2023-07-11", "2023-07-12")
TIMEOUT_SECONDS = 1800
AIRFLOW_HOME = Path("/opt/airflow")
_ROWS = """
import sys
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import TRAIN
settings = read_settings()
print(Catalog(settings.warehouse, settings.dataset).manifest(TRAIN, sys.argv[1]).rows)
"""
_ASK = """
import json, os, sys
from urllib.request import Request, urlopen
asked = {"user_id": "u1", "scene": 1, "time": sys.argv[1], "candidates": [{"item_id": "i1"}, {"item_id": "i2"}]}
header = {"Authorization": f"Bearer {os.environ['ANTM2C_SERVING_TOKEN']}"}
print(urlopen(Request("http://localhost:8090/score", json.dumps(asked).encode(), header)).read().decode())
"""


@pytest.fixture(scope="module")
def api(images: Docker) -> Iterator[AirflowApi]:
    smaller = {"SPARK_WORKERS": "1", "AIRFLOW_PARALLELISM": "2"}
    with images.env_file.open("a") as env_file:
        env_file.writelines(f"{name}={value}\n" for name, value in smaller.items())
    try:
        images.compose(*FILES, "up", "--detach", "--wait", "--wait-timeout", "300", *SERVICES)
        address = images.compose(*FILES, "port", "airflow-api-server", "8080").stdout.strip()
        password = re.search(r"^AIRFLOW_ADMIN_PASSWORD=(.*)$", images.env_file.read_text(), re.MULTILINE)[1]
        yield AirflowApi(f"http://{address}", "admin", password)
    finally:
        images.compose(*FILES, "down", "--volumes", "--timeout", "5", check=False)


def test_three_dates_are_loaded_and_a_model_is_trained_with_hadoop_2_and_stand_in_images(
    images: Docker, api: AirflowApi
) -> None:
    logs = ("--preset", "10k", "--rows", "900", "--days", "3", "--start-date", DATES[0], "--seed", "7")
    _python(images, "-m", "sample_logs", *logs, "--dataset", "demo")
    _run_dag(images, api, "antm2c_etl_history", {"start_date": DATES[0], "end_date": DATES[-1]})
    _python(images, "-m", "warehouse", "status")
    form = {"as_of": DATES[-1], "train_days": 2, "models": ["dnn"], "epochs": 1}
    _run_dag(images, api, "antm2c_retrain", form)
    [metrics] = (images.folder / "artifacts").glob(f"artifacts_dnn_run_*/{METRICS_FILE}")
    assert json.loads(metrics.read_text())["rows"] == int(_python(images, "-c", _ROWS, DATES[-1]))
    assert {path.stat().st_uid for path in images.folder.rglob("*")} == {50000}


def _python(images: Docker, *arguments: str) -> str:
    """The output of Python in Airflow's container. Raises CalledProcessError if it fails."""
    return images.compose(*FILES, "exec", "--no-TTY", "airflow-scheduler", "python", *arguments).stdout


def _run_dag(images: Docker, api: AirflowApi, dag_id: str, conf: dict[str, Any]) -> None:
    try:
        run_dag(api, AIRFLOW_HOME, dag_id, conf, TIMEOUT_SECONDS)
    except RunError:
        # The logs are lost with the containers, so print them now.
        print(images.compose(*FILES, "logs", "--tail", "40", check=False).stdout)
        tails = ("sh", "-c", f"find {AIRFLOW_HOME}/logs -name 'attempt=*.log' | xargs tail --lines=40")
        print(images.compose(*FILES, "exec", "--no-TTY", "airflow-scheduler", *tails).stdout)
        raise


@pytest.mark.usefixtures("api")
def test_no_container_runs_as_root(images: Docker) -> None:
    running = docker(images.address, "ps", "--quiet").stdout.split()
    assert len(running) == len(SERVICES)
    assert {docker(images.address, "exec", one, "id", "-u").stdout for one in running}.isdisjoint({"0\n"})


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/containers/json", 200), ("GET", "/info", 403), ("POST", "/images/create?fromImage=x", 403)],
)
def test_airflow_may_make_only_the_docker_requests_that_its_tasks_need(
    images: Docker, method: str, path: str, status: int
) -> None:
    program = (
        "import sys, http.client as h; c = h.HTTPConnection('socket-proxy', 2375);"
        "c.request(*sys.argv[1:]); print(c.getresponse().status)"
    )
    assert int(_python(images, "-c", program, method, path)) == status


@pytest.mark.usefixtures("api")
def test_the_endpoint_answers_with_the_champion_that_the_first_test_has_made(images: Docker) -> None:
    try:
        images.compose(*FILES, "up", "--detach", "--wait", "--wait-timeout", "600", "serving")
        words = ("exec", "--no-TTY", "serving", "python", "-c", _ASK, "2023-07-13T10:00:00Z")
        answer = json.loads(images.compose(*FILES, *words).stdout)
    except subprocess.CalledProcessError:
        print(images.compose(*FILES, "logs", "--tail", "40", "serving", check=False).stdout)
        raise
    finally:
        images.compose(*FILES, "rm", "--stop", "--force", "serving", check=False)
    assert answer["run"].startswith("artifacts_dnn_run_")
    assert answer["features_of"] == DATES[-1]
    assert sorted(score["rank"] for score in answer["scores"]) == [1, 2]
