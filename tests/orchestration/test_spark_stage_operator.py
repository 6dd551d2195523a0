"""How a stage's task fails and ends, with a real spark-submit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from airflow.sdk.exceptions import AirflowException

from orchestration.spark_stage_operator import SparkStageOperator
from orchestration.task_failures import TaskFailure
from warehouse.settings import REPOSITORY

# Does what Airflow's task runner does with a task: a limit of time, and on_kill where it is passed or a signal comes.
RUNNER = """
import signal, sys
from datetime import timedelta
from airflow.sdk.execution_time.task_runner import _run_execute_callable
from orchestration.spark_stage_operator import SparkStageOperator
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


def runner(folder: Path, *limit: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-c", RUNNER, application(folder, STUBBORN), *limit]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def family_until(running: subprocess.Popen, holds: Callable[[], bool]) -> set[psutil.Process]:
    """All processes that the runner had below it until then."""
    family: set[psutil.Process] = set()
    deadline = time.monotonic() + 120
    held = False
    while not held:
        assert time.monotonic() < deadline
        held = holds()
        with suppress(psutil.NoSuchProcess):
            family |= set(psutil.Process(running.pid).children(recursive=True))
        time.sleep(0.05)
    return family


def living(family: set[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(family, timeout=20)[1]


def test_a_signal_ends_spark_submit_and_all_that_it_started(tmp_path: Path) -> None:
    running, pids = runner(tmp_path), tmp_path / "pids"
    family = family_until(running, lambda: pids.exists() and bool(pids.read_text()))
    assert {int(pid) for pid in pids.read_text().split()} < {process.pid for process in family}
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode != 0
    assert living(family) == []


def test_a_task_over_its_time_ends_them_too_and_says_so(tmp_path: Path) -> None:
    running = runner(tmp_path, "10")
    family = family_until(running, lambda: running.poll() is not None)
    assert "stage was stopped because it ran longer than 0:00:10" in running.communicate()[0]
    assert living(family) == []


@pytest.mark.parametrize(("status", "may_pass"), [(1, False), (os.EX_TEMPFAIL, True), (137, True)])
def test_a_failure_is_the_sentence_of_the_stage(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], status: int, may_pass: bool
) -> None:
    """It comes last and once, below the rows that the stage shows."""
    sentence = "csv_to_orc 2023-07-20: 12% of the rows are rejected"
    said = [
        "print('u1,i1,yesterday: bad_time', file=sys.stderr)",
        f"print('error: {sentence}', file=sys.stderr)",
        "print('a trace\\n' * 90)",
        f"sys.exit({status})",
    ]
    task = SparkStageOperator(task_id="stage", application=application(tmp_path, "\n".join(["import sys", *said])))
    with pytest.raises(TaskFailure) as raised:
        task.execute({})
    assert (str(raised.value), raised.value.may_pass) == (sentence, may_pass)
    lines = capfd.readouterr().out.splitlines()
    assert sentence in lines[-1]
    assert sum(sentence in line for line in lines) == 1
    assert any("u1,i1,yesterday: bad_time" in line for line in lines)


def test_a_failure_without_a_sentence_keeps_what_spark_submit_said(tmp_path: Path) -> None:
    task = SparkStageOperator(task_id="stage", application=application(tmp_path, "raise SystemExit('out of memory')"))
    with pytest.raises(AirflowException, match="out of memory"):
        task.execute({})
