"""Processes that run in a session of their own, and ending all of one, whatever their process groups."""

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

_ASKED_SECONDS = 20.0
_KILLED_SECONDS = 10.0
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def start_session(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[str] | int, record: Path
) -> subprocess.Popen:
    """Starts a command as the leader of a new session, and records it for `end_recorded`."""
    leader = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )
    record.write_text(json.dumps({"pid": leader.pid, "created": psutil.Process(leader.pid).create_time()}))
    return leader


def end_session(leader: int, asked_seconds: float = _ASKED_SECONDS) -> None:
    """Ends every process of the session that `leader` began: asks them, and after `asked_seconds` kills who is left."""
    for wanted, seconds in ((signal.SIGTERM, asked_seconds), (signal.SIGKILL, _KILLED_SECONDS)):
        signalled: set[psutil.Process] = set()
        deadline = time.monotonic() + seconds
        while (members := session_members(leader)) and time.monotonic() < deadline:
            for process in members - signalled:
                _send(process, wanted)
            signalled |= members
            time.sleep(0.1)


def end_recorded(record: Path) -> None:
    """Ends the session that `start_session` recorded, if it still runs; a process number given anew is left alone."""
    try:
        kept = json.loads(record.read_text())
        leader, created = int(kept["pid"]), float(kept["created"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # nothing was recorded, or the record was cut off
    if _is_or_was(leader, created):
        end_session(leader)
    record.unlink(missing_ok=True)


def session_members(leader: int) -> set[psutil.Process]:
    """The living processes of a session. One that has ended and was not yet waited for does not count."""
    running = (process for process in psutil.process_iter() if _session_of(process) == leader)
    return {process for process in running if _alive(process)}


@contextmanager
def held_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect when the block is left, so that starting and ending are never done by half."""
    came: list[int] = []
    handlers = {wanted: signal.signal(wanted, lambda number, _: came.append(number)) for wanted in _ENDINGS}
    try:
        yield
    finally:
        for wanted, handler in handlers.items():
            signal.signal(wanted, handler)
        if came:
            signal.raise_signal(came[0])


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
        return True  # nobody else is given its number while members of its session live


def _send(process: psutil.Process, wanted: signal.Signals) -> None:
    try:
        process.send_signal(wanted)
    except psutil.NoSuchProcess:
        return
