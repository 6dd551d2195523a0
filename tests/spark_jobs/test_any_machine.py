"""What a stage writes and says depends neither on the machine's time zone and locale nor on the names of folders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs import FEATURE_STAGES, STAGES
from tests.spark_jobs.conftest import DATASET, Warehouse, bag
from tests.spark_jobs.odd_logs import write_odd_logs
from warehouse.settings import REPOSITORY
from warehouse.tables import TRAIN


@pytest.fixture
def chinese(tmp_path: Path) -> Warehouse:
    (tmp_path / "数据 仓库").mkdir()
    return Warehouse(tmp_path / "数据 仓库")


def submit(warehouse: Warehouse, stage: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["spark-submit", str(REPOSITORY / "spark_jobs" / f"{stage}.py"), "--warehouse", warehouse.uri]
    others = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    project = {"PYTHONPATH": str(REPOSITORY), "SPARK_CONF_DIR": str(REPOSITORY / "conf"), **environment}
    return subprocess.run(
        [*command, "--dataset", DATASET, *arguments],
        env={**others, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **project},
        capture_output=True,
        encoding="utf-8",
    )


def test_stages_under_other_zones_and_a_plain_locale_write_the_same(chinese: Warehouse, warehouse: Warehouse) -> None:
    for each in (chinese, warehouse):
        (day,) = write_odd_logs(each.raw, seed=31, offsets=[0])
        (each.raw / f"date={day}" / "a.csv").rename(each.raw / f"date={day}" / "数据 (1).csv")
    warehouse.run_all("--date", day)

    arguments = ("csv_to_orc", "--date", day, "--max-reject-rate", "1")
    said = submit(chinese, *arguments, TZ="Asia/Shanghai", LANG="C", LC_ALL="C")
    assert said.returncode == 0, said.stderr
    for stage in FEATURE_STAGES:
        chinese.run(stage, "--date", day)
    said = submit(chinese, "training_table", "--date", day, TZ="America/New_York", LANG="C")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout.splitlines()[-1])["published"][0]["table"] == "train"
    assert chinese.versions(day) == warehouse.versions(day)
    assert bag(chinese.rows(TRAIN, day)) == bag(warehouse.rows(TRAIN, day))


def test_a_refusal_is_the_last_line_of_standard_error(chinese: Warehouse) -> None:
    said = submit(chinese, "csv_to_orc", "--date", "2023-07-20", LANG="C")
    place = f"{chinese.uri}/raw_{DATASET}/date=2023-07-20"
    assert (said.returncode, said.stdout) == (1, "")
    sentence = f"no raw logs: there is no folder {place}; put the raw files there"
    assert said.stderr.splitlines()[-1] == f"error: csv_to_orc 2023-07-20: {sentence}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_wrong_setting_is_one_sentence(stage: str) -> None:
    run = subprocess.run(
        [sys.executable, str(REPOSITORY / "spark_jobs" / f"{stage}.py"), "--date", "2023-07-20"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "ANTM2C_SCENES": "five"},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "error: ANTM2C_SCENES is 'five'; set it to a whole number from 1 to 1000\n"
