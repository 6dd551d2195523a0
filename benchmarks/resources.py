"""Measure the CPU time and memory of process trees: a Spark stage consists of a shell, a JVM and a Python process."""

import contextlib
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAMPLE_SECONDS = 0.1
_SHOWN_OF_LOG = 2000  # characters


@dataclass(frozen=True)
class Usage:
    """The cost of a command. CPU is user and system time, `peak_bytes` the largest sum of resident memory."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


def run_measured(command: Sequence[str], log: Path) -> Usage:
    """Run a command to its end, with its output appended to `log`. Raises RuntimeError if it fails."""
    cpu_before, started, peak = _ended_children_cpu_seconds(), time.monotonic(), 0
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = max(peak, _tree_bytes(process.pid))
            time.sleep(_SAMPLE_SECONDS)
    if process.returncode:
        output_end = log.read_text(errors="replace")[-_SHOWN_OF_LOG:]
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}:\n{output_end}")
    return Usage(_ended_children_cpu_seconds() - cpu_before, time.monotonic() - started, peak)


def tree_cpu_seconds() -> float:
    """CPU seconds so far of this process and of its running descendants."""
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _ended_children_cpu_seconds() -> float:
    # This includes the children of a child, if it has waited for them.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _tree_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants. Shared memory counts several times."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total
