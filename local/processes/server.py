"""A server process of a cluster, which can be killed and started again."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from local.errors import StartError
from local.processes.sessions import end_recorded, end_session, session_members, start_session

RECORD = ".session.json"  # replaces the suffix of the log's name: the file that records a running server
_START_SECONDS = 60
_STOP_SECONDS = 10


class Server:
    """A command that runs in its own session until it is stopped. Its output is appended to `log`."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self._command, self._environment = command, environment
        self._process: subprocess.Popen | None = None

    def start(self, works: Callable[[], bool]) -> None:
        """Start the server and wait until it works. If it does not, stops it and raises StartError with its log."""
        self.launch()
        self.wait_until(works)

    def launch(self) -> None:
        """Start the server without waiting for it."""
        with self.log.open("a") as log:
            self._process = start_session(
                self._command, self.log.parent, self._environment, log, self.log.with_suffix(RECORD)
            )

    def wait_until(self, works: Callable[[], bool]) -> None:
        """Wait until the launched server works. If it does not, stops it and raises StartError with its log."""
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not works():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise StartError(f"{self.log.stem} did not start:\n{self.log.read_text()[-2000:]}")
                time.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and the processes that it has started. Kills those that do not end in time."""
        if self._process is not None:
            end_session(self._process.pid, _STOP_SECONDS)
            self._forget(self._process)

    def kill(self) -> None:
        """Kill the server and the processes that it has started, as if the machine had lost power."""
        assert self._process is not None
        for process in session_members(self._process.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._forget(self._process)

    def _forget(self, ended: subprocess.Popen) -> None:
        ended.wait()
        self._process = None
        self.log.with_suffix(RECORD).unlink(missing_ok=True)


def end_left_over(folder: Path) -> None:
    """End the servers in a folder that a killed program has left running."""
    for record in folder.rglob(f"*{RECORD}"):
        end_recorded(record)
