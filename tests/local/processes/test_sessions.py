"""End everything that a process has started."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.processes.sessions import end_recorded, end_session, held_signals, session_members, start_session

# A leader with a child, a child in its own process group, and a grandchild, like Airflow's processes.
FAMILY = """
import os, signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setpgid(0, 0)
    os.fork()
elif os.fork() == 0:
    pass
time.sleep(60)
"""
FAMILY_SIZE = 4


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen]]:
    """Processes that a test starts. They are killed after it, even if the test fails."""
    leaders: list[subprocess.Popen] = []
    yield leaders
    for leader in leaders:
        for process in session_members(leader.pid):
            process.kill()
        leader.wait()


def family(started: list[subprocess.Popen], folder: Path, *arguments: str) -> subprocess.Popen:
    """Start a leader, recorded in folder/session.json, and wait for its whole family."""
    command = [sys.executable, "-c", FAMILY, *arguments]
    with (folder / "output").open("w") as output:
        leader = start_session(command, folder, os.environ, output, folder / "session.json")
    started.append(leader)
    deadline = time.monotonic() + 20
    while len(session_members(leader.pid)) < FAMILY_SIZE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return leader


def test_children_in_process_groups_of_their_own_end_with_their_leader(started: list, tmp_path: Path) -> None:
    leader = family(started, tmp_path)
    groups = {os.getpgid(process.pid) for process in session_members(leader.pid)}
    end_session(leader.pid)
    assert len(groups) == 2
    assert session_members(leader.pid) == set()
    assert leader.wait() == -signal.SIGTERM


def test_processes_that_ignore_sigterm_are_killed(started: list, tmp_path: Path) -> None:
    leader = family(started, tmp_path, "stubborn")
    end_session(leader.pid, terminate_seconds=0.3)
    assert session_members(leader.pid) == set()
    assert leader.wait() == -signal.SIGKILL


def test_other_sessions_are_left_alone(started: list, tmp_path: Path) -> None:
    leader, other = family(started, tmp_path), family(started, tmp_path)
    end_session(leader.pid)
    assert len(session_members(other.pid)) == FAMILY_SIZE


def test_a_recorded_session_is_ended_by_a_later_program(started: list, tmp_path: Path) -> None:
    leader = family(started, tmp_path)
    end_recorded(tmp_path / "session.json")
    assert session_members(leader.pid) == set()
    assert not (tmp_path / "session.json").exists()


def test_members_that_outlive_their_leader_are_ended(started: list, tmp_path: Path) -> None:
    leader = family(started, tmp_path)
    leader.kill()
    leader.wait()
    assert len(session_members(leader.pid)) == FAMILY_SIZE - 1
    end_recorded(tmp_path / "session.json")
    assert session_members(leader.pid) == set()


def test_a_process_that_reuses_a_recorded_id_is_left_alone(started: list, tmp_path: Path) -> None:
    leader = family(started, tmp_path)
    created = psutil.Process(leader.pid).create_time()
    (tmp_path / "session.json").write_text(json.dumps({"pid": leader.pid, "created": created - 3600}))
    end_recorded(tmp_path / "session.json")
    assert len(session_members(leader.pid)) == FAMILY_SIZE


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x", "created": 1}'])
def test_an_incomplete_record_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "session.json").write_text(text)
    end_recorded(tmp_path / "session.json")


def test_an_interrupt_takes_effect_after_the_block_that_holds_it() -> None:
    reached = []

    def interrupted() -> None:
        with held_signals():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end of the block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached


def test_a_block_without_an_interrupt_leaves_the_handlers_as_they_were() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with held_signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
