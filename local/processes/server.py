"""One server process of a cluster, which can be killed and started again."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from local.processes.errors import StartError
from local.processes.sessions import end_recorded, end_session, session_members, start_session

RECORD = ".session.json"  # the end of the name of what a server that runs is recorded in, beside its log
_START_SECONDS = 60
_ASKED_SECONDS = 10


class Server:
    """A command that runs until it is ended, in a session of its own; what it says is added to `log`."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self._command, self._environment = command, environment
        self._process: subprocess.Popen | None = None

    def start(self, works: Callable[[], bool]) -> None:
        """Starts it and waits until it works. Raises StartError with the end of its log, with nothing left running."""
        with self.log.open("a") as log:
            self._process = start_session(
                self._command, self.log.parent, self._environment, log, self.log.with_suffix(RECORD)
            )
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
        """Asks it to end, with what it started; kills what does not."""
        if self._process is not None:
            end_session(self._process.pid, _ASKED_SECONDS)
            self._forget(self._process)

    def kill(self) -> None:
        """Ends it, with what it started, as a machine that loses its power."""
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
    """Ends the servers that were started below a folder by whoever could not end them: it was killed."""
    for record in folder.rglob(f"*{RECORD}"):
        end_recorded(record)
