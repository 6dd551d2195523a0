"""From logs to an evaluated model on HDFS and a Spark cluster, while their servers are killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.cluster.hdfs_server import Hdfs
from local.cluster.spark import SparkCluster
from local.errors import StartError
from tests.spark_jobs.conftest import run_stages, versions
from training.cli import main as training
from training.data.training_table import read_dates, read_in_pieces
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import DAILY_ITEM, DAILY_UI, Table

DATASET = "test"
DATES = days("2023-07-10", "2023-07-13")  # a stage works on two dates at once
RANGE = ("--start-date", DATES[0], "--end-date", DATES[-1])
TRIES = 3  # as in Airflow
# A stage fails with its first failed Spark task, and a task does not wait long for a DataNode.
FAIL_SOON = "-Dspark.task.maxFailures=1 -Dspark.hadoop.dfs.client.retry.window.base=100"
# A task of the history DAG, run as an Airflow worker runs it.
TASK = """
import sys
from orchestration.spark_stages import spark_stage
spark_stage(*sys.argv[1:]).execute({})
"""

pytestmark = pytest.mark.long


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SparkCluster]:
    """If the cluster does not start, the test fails in CI and is skipped elsewhere."""
    cluster = SparkCluster(tmp_path)
    try:
        cluster.start()
    except StartError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Spark cluster on this machine: {error}")
    yield cluster
    cluster.stop()


class Tasks:
    """Run stages on HDFS and the cluster, with Airflow's operator and connection."""

    def __init__(self, catalog: Catalog, hdfs: Hdfs, cluster: SparkCluster, home: Path) -> None:
        self.catalog = catalog
        self.environment = {
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": cluster.uri}),
            "ANTM2C_DATASET": catalog.dataset,
            "ANTM2C_WAREHOUSE": catalog.storage.root,
            "HADOOP_CONF_DIR": str(hdfs.settings),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
        }

    def start(self, stage: str, spark_options: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TASK, stage, DATES[0], DATES[-1]]
        options = f"{os.environ.get('SPARK_SUBMIT_OPTS', '')} {spark_options}"
        environment = {**self.environment, "SPARK_SUBMIT_OPTS": options}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, stage: str) -> None:
        for _ in range(TRIES):
            task = self.start(stage)
            output = task.communicate()[0]
            if task.returncode == 0:
                return
        pytest.fail(output)

    def run_while(self, stage: str, table: Table, happens: Callable[[], None], spark_options: str = "") -> int:
        """Call `happens` when one date is published and another one is under way. Returns the stage's exit status."""
        task = self.start(stage, spark_options)
        staging = f"{self.catalog.table_path(table)}/.staging"
        while not (self.catalog.dates(table) and self.catalog.storage.folders(staging)):
            assert task.poll() is None, task.communicate()[0]
            time.sleep(0.05)
        happens()
        task.communicate()
        return task.returncode


def run(root: str, *words: str) -> str:
    """The output of a command of this project. Raises CalledProcessError."""
    command = [sys.executable, "-m", *words, "--warehouse", root]
    return subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout


def write_logs(root: str) -> None:
    size = ("--start-date", DATES[0], "--rows", "1200", "--days", str(len(DATES)))
    run(root, "sample_logs", "--dataset", DATASET, *size)


def train(root: str, artifacts: Path) -> dict:
    window = ["--dataset", DATASET, "--as-of", DATES[-1], "--train-days", "2", "--artifacts", str(artifacts)]
    return training(["train", "--warehouse", root, *window, "--epochs", "1"])


def test_the_tables_and_the_model_equal_those_of_a_local_folder(
    hdfs: Hdfs, cluster: SparkCluster, tmp_path: Path
) -> None:
    local, remote = Catalog(f"file://{tmp_path}/warehouse", DATASET), Catalog(f"{hdfs.uri}/warehouse", DATASET)
    for catalog in (local, remote):
        write_logs(catalog.storage.root)
    run_stages(local, *RANGE)

    tasks = Tasks(remote, hdfs, cluster, tmp_path / "airflow")
    tasks.run("csv_to_orc")
    hdfs.kill_namenode()
    hdfs.start_namenode()
    tasks.run("user_features")
    assert tasks.run_while("item_features", DAILY_ITEM, lambda: cluster.kill_worker(0)) == 0  # another worker is left
    cluster.start_worker(0)
    tasks.run_while("user_item_features", DAILY_UI, hdfs.kill_datanode, FAIL_SOON)
    hdfs.start_datanode()
    tasks.run("user_item_features")
    tasks.run("user_sequences")
    tasks.run("training_table")

    assert versions(remote) == versions(local)
    run(remote.storage.root, "warehouse", "status", "--dataset", DATASET)  # fails if a table is missing or stale
    whole = next(read_dates(remote, DATES[-1:]))
    assert sum(len(piece) for piece in read_in_pieces(remote, DATES[-1:])) == len(whole) > 0
    on_hdfs, locally = (train(each.storage.root, tmp_path / "runs") for each in (remote, local))
    evaluated = training(["evaluate", "--warehouse", remote.storage.root, "--artifacts", on_hdfs["artifacts"]])
    assert evaluated["auc"] == on_hdfs["auc"] == locally["auc"]
