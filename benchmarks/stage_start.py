"""Measure all stages for a small date, where Spark's start dominates, with and without the fast start."""

import shutil
from pathlib import Path

from benchmarks.figure import Figure, at_most
from benchmarks.logs import write_logs
from benchmarks.stages import submit
from sample_logs.settings import PRESETS
from spark_jobs import STAGES
from spark_jobs.jvm.class_archive import CONF
from warehouse.tables import TRAIN

_ROWS = 2000
_ROUNDS = 2
_MOST_OF_PLAIN = 0.45


def measure(folder: Path) -> list[Figure]:
    """CPU seconds with and without conf/spark-env.sh, taking turns.

    Make the class archive first: python -m spark_jobs.jvm.class_archive. Raises RuntimeError if the published training
    tables differ.
    """
    settings = PRESETS["demo"].resized(_ROWS, days=1)
    plain = shutil.copytree(CONF, folder / "conf", ignore=shutil.ignore_patterns("spark-env.sh"))
    seconds, versions = {CONF: 0.0, plain: 0.0}, set()
    for number in range(_ROUNDS):
        for conf in seconds:
            catalog = write_logs(folder / f"{number}_{conf == plain}", settings)
            for stage in STAGES:
                usage = submit(stage, catalog, settings.start_date, settings.start_date, folder / "stages.log", conf)
                seconds[conf] += usage.cpu_seconds / _ROUNDS
            versions.add(catalog.version(TRAIN, settings.start_date))
    if len(versions) > 1:
        raise RuntimeError(f"the training tables differ: {versions}")
    details = {"seconds": seconds[CONF], "plain_seconds": seconds[plain]}
    name = f"all stages by spark-submit, CPU of a date of {_ROWS:,} rows"
    return [at_most(name, seconds[CONF] / seconds[plain], _MOST_OF_PLAIN, "x plain Spark", details)]
