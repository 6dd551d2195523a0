"""A stage killed at any moment leaves the old partition, the new one or none, and running it again repairs it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.spark_jobs.conftest import DATASET, Warehouse, bag
from tests.spark_jobs.odd_logs import write_odd_logs
from tests.spark_jobs.oracle import Oracle
from warehouse.settings import REPOSITORY
from warehouse.tables import LOGS, TRAIN, Table

KILLS = 2  # of each stage; tests/warehouse/test_publish.py kills before every single step of publishing
TABLES = {"csv_to_orc": LOGS, "training_table": TRAIN}


def submit(warehouse: Warehouse, stage: str, day: str) -> subprocess.Popen:
    command = ["spark-submit", str(REPOSITORY / "spark_jobs" / f"{stage}.py"), "--warehouse", warehouse.uri]
    command += ["--dataset", DATASET, "--date", day, *(["--max-reject-rate", "1"] if stage == "csv_to_orc" else [])]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "SPARK_CONF_DIR": str(REPOSITORY / "conf"),
    }
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)


def kill_session(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("stage", TABLES)
def test_a_killed_stage_leaves_a_whole_partition_or_none(tmp_path: Path, stage: str) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    days = write_odd_logs(warehouse.raw, seed=21, offsets=[0, 1])
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    table, day = TABLES[stage], days[-1]
    old = rows_of(Oracle(warehouse.raw), table, day)
    change_raw(warehouse, day)
    if stage == "training_table":
        for earlier in ("csv_to_orc", "user_item_features"):
            warehouse.run(earlier, "--date", day, *(["--max-reject-rate", "1"] if earlier == "csv_to_orc" else []))
    new = rows_of(Oracle(warehouse.raw), table, day)
    assert old != new

    started = time.monotonic()
    assert submit(copy_of(warehouse, tmp_path / "timed"), stage, day).wait() == 0
    whole_run = time.monotonic() - started
    rng = random.Random(22)
    seen = set()
    for number in range(KILLS):
        tried = copy_of(warehouse, tmp_path / f"try_{number}")
        process = submit(tried, stage, day)
        # Late moments, when files are written and moved, are the ones that could hurt.
        time.sleep(whole_run * rng.triangular(0.2, 1.0, 0.9))
        kill_session(process)
        seen.add(state_of(tried, table, day, old, new))
        assert submit(tried, stage, day).wait() == 0
        assert state_of(tried, table, day, old, new) == "new"
        shutil.rmtree(tried.folder)
    assert seen <= {"old", "new", "absent"}


def change_raw(warehouse: Warehouse, day: str) -> None:
    """Leaves the date with one file of the two: other rows, and perhaps fewer scenes."""
    for file in sorted((warehouse.raw / f"date={day}").iterdir())[1:]:
        file.unlink()


def copy_of(warehouse: Warehouse, folder: Path) -> Warehouse:
    shutil.copytree(warehouse.folder, folder, copy_function=shutil.copy2)
    return Warehouse(folder)


def rows_of(oracle: Oracle, table: Table, day: str) -> object:
    return bag(oracle.logs[day] if table is LOGS else oracle.training(day))


def state_of(warehouse: Warehouse, table: Table, day: str, old: object, new: object) -> str:
    if not Path(warehouse.catalog.path(table, day)).exists():
        return "absent"
    manifest, rows = warehouse.catalog.manifest(table, day), bag(warehouse.rows(table, day))
    assert manifest is not None
    assert manifest.rows == sum(rows.values())
    return "old" if rows == old else "new" if rows == new else "mixed"
