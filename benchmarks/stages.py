"""Run the Spark stages to measure them, either as Airflow submits them or in a warm session."""

import contextlib
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.resources import Usage, run_measured, tree_cpu_seconds
from spark_jobs import STAGES
from spark_jobs.common.session import spark_session
from spark_jobs.jvm.class_archive import CONF
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY

os.environ.setdefault("SPARK_CONF_DIR", str(CONF))


def submit(
    stage: str, catalog: Catalog, first: str, last: str, log: Path, conf: Path = CONF, code: Path = REPOSITORY
) -> Usage:
    """Run a stage on the dates from first to last with spark-submit. The usage includes the start of Spark.

    `conf`: a folder with Spark's settings; `code`: another checkout of this project.
    """
    script = str(code / "spark_jobs" / f"{stage}.py")
    command = ["env", f"SPARK_CONF_DIR={conf}", f"PYTHONPATH={code}", "spark-submit", script]
    return run_measured([*command, *_place(catalog), *_range(first, last)], log)


class WarmStages:
    """Run the stages' command lines in this process and in one Spark session, with their output in a log."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def run(self, stage: str, catalog: Catalog, first: str, last: str) -> float:
        """Run a stage on the dates from first to last, and return its CPU seconds."""
        before = tree_cpu_seconds()
        with self._log.open("a") as output, contextlib.redirect_stdout(output):
            import_module(f"spark_jobs.{stage}").main([*_place(catalog), *_range(first, last)])
        return tree_cpu_seconds() - before

    def run_all(self, catalog: Catalog, first: str, last: str) -> None:
        """Run all stages up to the training table on the dates from first to last."""
        for stage in STAGES:
            self.run(stage, catalog, first, last)


@contextlib.contextmanager
def warm_stages(log: Path) -> Iterator[WarmStages]:
    """Keep a Spark session running during the block, for all stages to use."""
    with spark_session("benchmarks"):
        yield WarmStages(log)


def _place(catalog: Catalog) -> list[str]:
    return ["--warehouse", catalog.storage.root, "--dataset", catalog.dataset]


def _range(first: str, last: str) -> list[str]:
    return ["--start-date", first, "--end-date", last]
