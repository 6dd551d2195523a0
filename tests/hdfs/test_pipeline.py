"""From logs to an evaluated model on HDFS, whose servers are killed meanwhile: the same tables as in a local folder."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_cluster.hdfs import Hdfs
from training.data.reading import read_dates, read_in_pieces
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import DAILY_UI, DERIVED_TABLES

DATASET = "test"
DATES = ["2023-07-10", "2023-07-11", "2023-07-12"]
STAGES = ("csv_to_orc", "user_features", "item_features", "user_item_features", "training_table")
KILLED_IN = "user_item_features"
TRIES = 3  # as Airflow has it
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(REPOSITORY),
    "SPARK_CONF_DIR": str(REPOSITORY / "conf"),
    "SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1",
}


def run(root: str, *words: str) -> str:
    """What a command of this project prints. Raises CalledProcessError."""
    command = [sys.executable, "-m", *words, "--warehouse", root]
    return subprocess.run(
        command, cwd=REPOSITORY, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def submit(root: str, stage: str) -> subprocess.Popen:
    command = [
        "spark-submit",
        "--conf",
        "spark.hadoop.dfs.replication=1",
        str(REPOSITORY / "spark_jobs" / f"{stage}.py"),
    ]
    place = ["--warehouse", root, "--dataset", DATASET, "--start-date", DATES[0], "--end-date", DATES[-1]]
    return subprocess.Popen(
        [*command, *place], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(root: str, stage: str) -> None:
    for _ in range(TRIES):
        tried = submit(root, stage)
        said = tried.communicate()[1]
        if tried.returncode == 0:
            return
    pytest.fail(said)


def kill_datanode_during(stage: str, hdfs: Hdfs, catalog: Catalog) -> None:
    """Kills it when a date is published and another one under way, and starts it again."""
    running = submit(catalog.storage.root, stage)
    staging = f"{catalog.table_path(DAILY_UI)}/.staging"
    while not (catalog.dates(DAILY_UI) and catalog.storage.folders(staging)):
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.05)
    hdfs.kill_datanode()
    running.communicate()
    hdfs.start_datanode()


def versions(catalog: Catalog) -> dict[tuple[str, str], str | None]:
    return {
        (table.folder, date): catalog.version(table, date) for table in DERIVED_TABLES for date in catalog.dates(table)
    }


def train_and_evaluate(root: str, artifacts: Path) -> dict:
    window = ["--dataset", DATASET, "--as-of", DATES[-1], "--train-days", "2", "--artifacts", str(artifacts)]
    trained = json.loads(run(root, "training", "train", *window, "--epochs", "1").splitlines()[-1])
    evaluated = json.loads(run(root, "training", "evaluate", "--artifacts", trained["artifacts"]).splitlines()[-1])
    assert evaluated["auc"] == trained["auc"]
    return evaluated


@pytest.mark.long
def test_the_tables_and_the_model_are_those_of_a_local_folder(hdfs: Hdfs, tmp_path: Path) -> None:
    local, remote = Catalog(f"file://{tmp_path}/warehouse", DATASET), Catalog(f"{hdfs.uri}/warehouse", DATASET)
    for catalog in (local, remote):
        run(
            catalog.storage.root,
            *(
                "sample_logs",
                "--dataset",
                DATASET,
                "--start-date",
                DATES[0],
                "--rows",
                "2000",
                "--days",
                str(len(DATES)),
            ),
        )
    for stage in STAGES:
        finish(local.storage.root, stage)
        if stage == KILLED_IN:
            kill_datanode_during(stage, hdfs, remote)
        finish(remote.storage.root, stage)
        if stage == "csv_to_orc":
            hdfs.kill_namenode()
            hdfs.start_namenode()
    assert versions(remote) == versions(local)
    run(remote.storage.root, "warehouse", "status", "--dataset", DATASET)  # fails where any is missing or stale

    whole = next(read_dates(remote, DATES[-1:]))
    assert sum(len(piece) for piece in read_in_pieces(remote, DATES[-1:])) == len(whole) > 0
    on_hdfs, locally = (train_and_evaluate(each.storage.root, tmp_path / "runs") for each in (remote, local))
    assert on_hdfs["auc"] == locally["auc"]
