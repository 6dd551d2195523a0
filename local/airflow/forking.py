"""Start the components of a program in order, each in its own process, forked from this one.

A forked process already has what this one has imported, which saves the seconds that importing Airflow takes.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from local.errors import StartError

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """Components to start together. The next step begins when `ready` returns True."""

    name: str
    components: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True


def start_in_order(steps: Sequence[Step], begun: Callable[[str], None], limit: float) -> dict[int, str]:
    """Take the steps in order, each for at most `limit` seconds. Returns the components' names by process id.

    Raises StartError if a component ends or a step takes too long. The other components keep running.
    """
    running: dict[int, str] = {}
    for step in steps:
        begun(step.name)
        deadline = time.monotonic() + limit
        running |= {_fork(run): name for name, run in step.components.items()}
        while not step.ready():
            if ended := _ended():
                raise StartError(f"the {running[ended[0]]} ended with status {ended[1]} while Airflow started")
            if time.monotonic() > deadline:
                raise StartError(f"the {step.name} did not answer within {limit:.0f} s")
            time.sleep(_LOOK_SECONDS)
    return running


def wait_for_all(running: Mapping[int, str]) -> None:
    """Wait until every component has ended. If one ends, the others keep running."""
    for _ in running:
        pid, status = os.wait()
        print(f"The {running[pid]} has ended with status {os.waitstatus_to_exitcode(status)}", flush=True)


def _ended() -> tuple[int, int] | None:
    """Return the process id and exit status of a component that has ended since the last call."""
    pid, status = os.waitpid(-1, os.WNOHANG)
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _fork(run: Callable[[], None]) -> int:
    """Run a function in a new process and return the process id."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    status = 1
    try:
        run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
