"""Server processes, with `sleep` in their place."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.errors import StartError
from local.processes.server import RECORD, Server, end_left_over
from local.processes.sessions import session_members

SLEEP = ("sleep", "600")
KILLED_AFTER_ITS_START = """
import os, signal, sys
from pathlib import Path
from local.processes.server import Server
Server(("sleep", "600"), Path(sys.argv[1]) / "deep" / "sleep.log", os.environ).start(lambda: True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def leader(folder: Path) -> int:
    (record,) = folder.rglob(f"*{RECORD}")
    return json.loads(record.read_text())["pid"]


def test_servers_of_a_killed_program_are_ended_later(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER_ITS_START, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    server = leader(tmp_path)
    assert session_members(server)
    end_left_over(tmp_path)
    assert not session_members(server)
    end_left_over(tmp_path)  # nothing is left to end


def test_a_server_that_ends_at_once_is_reported_and_one_whose_check_fails_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^short did not start:\nno luck"):
        Server(("sh", "-c", "echo no luck"), tmp_path / "short.log", os.environ).start(lambda: False)
    leaders = []

    def check() -> bool:
        leaders.append(leader(tmp_path))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Server(SLEEP, tmp_path / "sleep.log", os.environ).start(check)
    assert not session_members(leaders[0])
    assert not list(tmp_path.rglob(f"*{RECORD}"))
