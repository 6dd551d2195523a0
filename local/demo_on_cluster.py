"""The demo on HDFS and a Spark cluster of this machine, and whether its tables are those of a local folder."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from local.cluster.hadoop_jars import hadoop_jars
from local.cluster.hdfs import Hdfs
from local.cluster.spark import SparkCluster
from local.demo import Demo, run_demo
from local.processes.alone import alone
from local.processes.errors import RunError
from local.processes.server import end_left_over
from local.processes.sessions import held_signals
from sample_logs.settings import PRESETS
from warehouse.catalog import Catalog
from warehouse.status import expected
from warehouse.tables import DERIVED_TABLES

_Versions = dict[tuple[str, str], str | None]


def run_demo_on_cluster(demo: Demo, folder: Path) -> str:
    """Runs the demo on servers in `folder`, which end with it. `demo` itself runs first where it has not.

    Raises StartError, ApiError or RunError; RunError also where a table is not that of the local folder.
    """
    dates = replace(PRESETS[demo.preset], seed=demo.seed).dates
    local = _versions(Catalog(demo.warehouse, demo.dataset), dates)
    if None in local.values():
        print("The tables to compare with come first, in a local folder", flush=True)
        print(run_demo(demo), end="\n\n", flush=True)
        local = _versions(Catalog(demo.warehouse, demo.dataset), dates)
    with _cluster(folder) as root:
        said = run_demo(replace(demo, home=folder / "airflow", warehouse=root, artifacts=folder / "artifacts"))
        other = [key for key, version in _versions(Catalog(root, demo.dataset), dates).items() if version != local[key]]
    if other:
        named = ", ".join(f"{table} of {date}" for table, date in other[:3])
        raise RunError(f"{len(other)} of {len(local)} partitions are not those of {demo.warehouse}: {named}")
    return f"{said}\n\nAll {len(local)} partitions are those of {demo.warehouse}, version by version."


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """Yields the URI of a warehouse on a new HDFS, with a Spark cluster as Airflow's connection."""
    with alone(folder):
        end_left_over(folder)
        for made in ("hdfs", "spark", "artifacts", "mlflow"):  # Airflow's own folder is its own to empty
            shutil.rmtree(folder / made, ignore_errors=True)
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
    wanted = [(table, date) for table in DERIVED_TABLES for date in dates if expected(table, date)]
    return {(table.folder, date): catalog.version(table, date) for table, date in wanted}
