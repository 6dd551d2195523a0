"""Starting the parts of a program in order, each in a process of its own that is forked from this one.

A fork has what this process has imported, which saves it the seconds that importing Airflow takes.
"""

import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from local.processes.errors import StartError

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """Parts that start side by side. The step is done when `ready` says so, and only then does the next one begin."""

    name: str
    parts: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True


def start_in_order(steps: Sequence[Step], begun: Callable[[str], None], limit: float) -> dict[int, str]:
    """Takes the steps one by one, each for at most `limit` seconds. Returns the parts by their process numbers.

    Raises StartError where a part ends meanwhile, or a step outlasts its limit: what has started still runs then.
    """
    running: dict[int, str] = {}
    for step in steps:
        begun(step.name)
        deadline = time.monotonic() + limit
        running |= {_fork(run): name for name, run in step.parts.items()}
        while not step.ready():
            if ended := _ended():
                raise StartError(f"the {running[ended[0]]} ended with status {ended[1]} while Airflow started")
            if time.monotonic() > deadline:
                raise StartError(f"the {step.name} did not answer within {limit:.0f} s")
            time.sleep(_LOOK_SECONDS)
    return running


def wait_for_all(running: Mapping[int, str]) -> None:
    """Returns when every part has ended. One that ends leaves the others running."""
    for _ in running:
        number, status = os.wait()
        print(f"The {running[number]} has ended with status {os.waitstatus_to_exitcode(status)}", flush=True)


def _ended() -> tuple[int, int] | None:
    """The process number and the status of a part that has ended since the last look."""
    number, status = os.waitpid(-1, os.WNOHANG)
    return (number, os.waitstatus_to_exitcode(status)) if number else None


def _fork(run: Callable[[], None]) -> int:
    """The number of a new process that runs this and nothing else."""
    sys.stdout.flush()
    if number := os.fork():
        return number
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
