"""Run the demo on HDFS and a Spark cluster on this machine, and check that its tables equal those of the local demo."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from local.cluster.hadoop_jars import hadoop_jars
from local.cluster.hdfs_server import Hdfs
from local.cluster.spark import SparkCluster
from local.demo import Demo, run_demo
from local.errors import RunError
from local.processes.folder_lock import locked
from local.processes.server import end_left_over
from local.processes.sessions import held_signals
from sample_logs.settings import PRESETS
from warehouse.catalog import Catalog
from warehouse.status import expected
from warehouse.tables import DERIVED_TABLES

_Versions = dict[tuple[str, str], str | None]


def run_demo_on_cluster(demo: Demo, folder: Path) -> str:
    """Run the demo on servers in `folder`, which end with it. The local demo runs first if it has not run yet.

    Raises StartError, ApiError or RunError. A RunError may also mean that a table differs from that of the local demo.
    """
    dates = replace(PRESETS[demo.preset], seed=demo.seed).dates
    local = _versions(Catalog(demo.warehouse, demo.dataset), dates)
    if None in local.values():
        print("First the demo in a local folder, whose tables are needed for comparison", flush=True)
        print(run_demo(demo), end="\n\n", flush=True)
        local = _versions(Catalog(demo.warehouse, demo.dataset), dates)
    with _cluster(folder) as root:
        results = run_demo(replace(demo, home=folder / "airflow", warehouse=root, artifacts=folder / "artifacts"))
        on_cluster = _versions(Catalog(root, demo.dataset), dates)
    if different := [partition for partition in local if on_cluster[partition] != local[partition]]:
        named = ", ".join(f"{table} of {date}" for table, date in different[:3])
        raise RunError(f"{len(different)} of {len(local)} partitions differ from those in {demo.warehouse}: {named}")
    return f"{results}\n\nAll {len(local)} partitions have the same versions as those in {demo.warehouse}."


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """Start a new HDFS and a new Spark cluster, to which Airflow's connection is set. Yields the warehouse's URI."""
    with locked(folder):
        end_left_over(folder)
        for earlier in ("hdfs", "spark", "artifacts", "mlflow"):  # starting Airflow empties Airflow's folder
            shutil.rmtree(folder / earlier, ignore_errors=True)
        print("Starting HDFS and a Spark cluster", flush=True)
        hdfs, spark = Hdfs(folder / "hdfs", hadoop_jars()), SparkCluster(folder / "spark")
        os.environ["HADOOP_CONF_DIR"] = str(hdfs.settings)
        os.environ["AIRFLOW_CONN_SPARK_DEFAULT"] = json.dumps({"conn_type": "spark", "host": spark.uri})
        try:
            with held_signals():
                hdfs.start()
                spark.start()
            yield f"{hdfs.uri}/antm2c"
        finally:
            with held_signals():
                spark.stop()
                hdfs.stop()


def _versions(catalog: Catalog, dates: list[str]) -> _Versions:
    """Return the version of each partition that the dates should have, or None if it is missing."""
    partitions = [(table, date) for table in DERIVED_TABLES for date in dates if expected(table, date)]
    return {(table.folder, date): catalog.version(table, date) for table, date in partitions}
