"""How a stage's task fails and ends, with a real spark-submit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from airflow.sdk.exceptions import AirflowException

from dags.common.spark_stage_operator import SparkStageOperator
from warehouse.settings import REPOSITORY

# Does what Airflow's task runner does with a task: a limit of time, and on_kill where it is passed or a signal comes.
RUNNER = """
import signal, sys
from datetime import timedelta
from airflow.sdk.execution_time.task_runner import _run_execute_callable
from dags.common.spark_stage_operator import SparkStageOperator
limit = timedelta(seconds=float(sys.argv[2])) if len(sys.argv) > 2 else None
task = SparkStageOperator(task_id="stage", application=sys.argv[1], execution_timeout=limit)
signal.signal(signal.SIGTERM, lambda number, frame: task.on_kill())
_run_execute_callable({}, task.execute, task)
"""
# A driver that has started a process of its own, and neither ends when it is asked to.
STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", ignores])
pathlib.Path(__file__).with_name("pids").write_text(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""


def application(folder: Path, program: str) -> str:
    path = folder / "stage.py"
    path.write_text(program)
    return str(path)


def started(folder: Path, *limit: str) -> tuple[subprocess.Popen, list[psutil.Process]]:
    """The runner, and spark-submit with all it has started, once the driver runs."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-c", RUNNER, application(folder, STUBBORN), *limit]
    runner = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "pids").exists() or not (folder / "pids").read_text():
        assert time.monotonic() < deadline and runner.poll() is None, runner.communicate()[0]
        time.sleep(0.05)
    family = psutil.Process(runner.pid).children(recursive=True)
    assert {int(pid) for pid in (folder / "pids").read_text().split()} < {process.pid for process in family}
    return runner, family


def living(family: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(family, timeout=20)[1]


def test_a_signal_ends_spark_submit_and_all_that_it_started(tmp_path: Path) -> None:
    runner, family = started(tmp_path)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=60)
    assert runner.returncode != 0
    assert living(family) == []


def test_a_task_over_its_time_ends_them_too_and_says_so(tmp_path: Path) -> None:
    runner, family = started(tmp_path, "12")
    said, _ = runner.communicate(timeout=90)
    assert living(family) == []
    assert "stage ran longer than 0:00:12 and was ended" in said


def test_a_failure_is_the_sentence_of_the_stage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sentence = "user_features 2023-07-20: no logs"
    failing = f"import sys\nprint('error: an earlier one')\nprint('a trace\\n' * 90)\nsys.exit('error: {sentence}')"
    task = SparkStageOperator(task_id="stage", application=application(tmp_path, failing))
    with pytest.raises(AirflowException) as raised:
        task.execute({})
    assert str(raised.value) == sentence
    (error,) = [line for line in capfd.readouterr().out.splitlines() if "[error " in line]
    assert sentence in error


def test_a_failure_without_a_sentence_keeps_what_spark_submit_said(tmp_path: Path) -> None:
    task = SparkStageOperator(task_id="stage", application=application(tmp_path, "raise SystemExit('out of memory')"))
    with pytest.raises(AirflowException, match="out of memory"):
        task.execute({})
