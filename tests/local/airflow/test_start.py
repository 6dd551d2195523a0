"""The order in which Airflow's components start, with small programs in their places."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.airflow import start
from local.airflow.start import local_airflow
from local.errors import StartError
from local.processes.sessions import session_members, start_session
from local.processes.waiting import wait_until


@contextmanager
def no_database(*_: object) -> Iterator[str]:
    yield "postgresql://"


@pytest.fixture(autouse=True)
def leaders(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The session leaders that a test starts. None of their processes is left after it."""
    started: list[int] = []

    def recorded(*arguments) -> subprocess.Popen:
        leader = start_session(*arguments)
        started.append(leader.pid)
        return leader

    monkeypatch.setattr(start, "start_session", recorded)
    monkeypatch.setattr(start, "database", no_database)
    monkeypatch.setattr(start, "_LEADER", "tests.local.stand_in_leader")
    yield started
    [leader] = started
    assert session_members(leader) == set()


def refused(home: Path, wrong: str) -> str:
    """The message of a start in which this goes wrong."""
    with pytest.raises(StartError) as error, local_airflow(home, {"GOES_WRONG": wrong}):
        pass
    assert str(error.value).endswith(f"; see {home / 'airflow.log'}")
    return str(error.value).partition(";")[0]


def test_the_scheduler_starts_when_the_api_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with local_airflow(tmp_path, {}) as api:
        assert api.answers()
        assert (tmp_path / "started.txt").read_text().endswith(" True")
    printed = capsys.readouterr().out.splitlines()
    assert [re.sub(r" +\d+\.\d s$", "", line) for line in printed] == ["  API server", "  scheduler"]


def test_a_component_that_ends_during_the_start_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path, "scheduler dies") == "the scheduler ended with status 3 while Airflow started"


def test_a_step_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    assert refused(tmp_path, "API server is silent") == "the API server did not answer within 1 s"
    assert not (tmp_path / "started.txt").exists()


def test_a_leader_that_ends_during_the_start_is_noticed_at_once(tmp_path: Path) -> None:
    assert "Airflow ended with status 1" in refused(tmp_path, "leader")


def test_a_scheduler_that_is_killed_later_leaves_the_others_running(tmp_path: Path) -> None:
    with local_airflow(tmp_path, {}) as api:
        os.kill(int((tmp_path / "started.txt").read_text().split()[0]), signal.SIGKILL)
        log = tmp_path / "airflow.log"
        wait_until(lambda: "The scheduler has ended with status -9" in log.read_text(), seconds=30, every=0.05)
        assert api.answers()
