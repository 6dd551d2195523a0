"""Start a process in its own session, and end all processes of a session, whatever their process groups."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

_TERMINATE_SECONDS = 20.0
_KILL_SECONDS = 10.0
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def start_session(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[str] | int, record: Path
) -> subprocess.Popen:
    """Start a command as the leader of a new session, and record it in a file for `end_recorded`."""
    leader = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )
    record.write_text(json.dumps({"pid": leader.pid, "created": psutil.Process(leader.pid).create_time()}))
    return leader


def end_session(leader: int, terminate_seconds: float = _TERMINATE_SECONDS) -> None:
    """End every process of a session: send SIGTERM, and SIGKILL to those that are left after `terminate_seconds`."""
    for number, seconds in ((signal.SIGTERM, terminate_seconds), (signal.SIGKILL, _KILL_SECONDS)):
        signalled: set[psutil.Process] = set()
        deadline = time.monotonic() + seconds
        while (members := session_members(leader)) and time.monotonic() < deadline:
            for process in members - signalled:
                _send(process, number)
            signalled |= members
            time.sleep(0.1)


def end_recorded(record: Path) -> None:
    """End the session recorded by `start_session`, if it is still running and its process id was not reused."""
    try:
        recorded = json.loads(record.read_text())
        leader, created = int(recorded["pid"]), float(recorded["created"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is no record, or its writer was killed while writing
    if _is_or_was(leader, created):
        end_session(leader)
    record.unlink(missing_ok=True)


def session_members(leader: int) -> set[psutil.Process]:
    """Return the running processes of a session, without zombies."""
    members = (process for process in psutil.process_iter() if _session_of(process) == leader)
    return {process for process in members if _alive(process)}


@contextmanager
def held_signals() -> Iterator[None]:
    """Delay Ctrl-C and other ending signals until the end of the block, so that it is never left halfway."""
    received: list[int] = []
    handlers = {ending: signal.signal(ending, lambda number, _: received.append(number)) for ending in _ENDINGS}
    try:
        yield
    finally:
        for ending, handler in handlers.items():
            signal.signal(ending, handler)
        if received:
            signal.raise_signal(received[0])


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_or_was(leader: int, created: float) -> bool:
    try:
        return abs(psutil.Process(leader).create_time() - created) < 1
    except psutil.NoSuchProcess:
        return True  # the leader has ended; its id is not reused while members of its session live


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
