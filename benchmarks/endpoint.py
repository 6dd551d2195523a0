"""Measure the endpoint over HTTP: one server process on one core, with the features of a million users."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from benchmarks.figure import Figure, at_most
from benchmarks.served_features import ids, publish_served_features, write_untrained
from serving.app import SCORE
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY

_USERS, _ITEMS, _PAIRS = 1_000_000, 100_000, 3_000_000
_DATE, _NEXT, _TIME = "2023-07-20", "2023-07-21", "2023-07-22T10:00:00Z"
_NEWER_PAIRS = 100_000  # of the next date, whose history includes that of the first one
_MODEL, _CANDIDATES, _AT_ONCE = "mmoe", 100, 16
_WARM_UP, _SINGLE, _TOGETHER = 50, 500, 1_600  # requests
_PORT, _START_SECONDS = 18_090, 120
_MOST_P50_MS, _MOST_P99_MS, _MOST_GB = 5, 20, 1.5


def measure(folder: Path) -> list[Figure]:
    """Start a server, ask one request after another, then 16 at once."""
    users, items = ids("u", _USERS), ids("i", _ITEMS)
    catalog, model = Catalog(str(folder / "warehouse"), "demo"), folder / "model"
    publish_served_features(catalog, _DATE, users, items, _PAIRS)
    write_untrained(model, "demo", _MODEL, users, items)
    bodies = [_body(np.random.default_rng(number)) for number in range(_SINGLE)]
    with _server(folder, model) as process:
        _ask(bodies[:_WARM_UP])
        before = process.cpu_times()
        singly = 1000 * np.array([seconds for seconds, _ in _ask(bodies)])
        after = process.cpu_times()
        cpu_ms = 1000 * (after.user + after.system - before.user - before.system) / len(bodies)
        started = time.perf_counter()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            parts = pool.map(_ask, [bodies[: _TOGETHER // _AT_ONCE]] * _AT_ONCE)
            answers = [answer for part in parts for answer in part]
        rate = len(answers) / (time.perf_counter() - started)
        resident, peak = process.memory_info().rss / 1e9, _peak_bytes(process.pid) / 1e9
        publish_served_features(catalog, _NEXT, users, items, _NEWER_PAIRS, seed=8)
        _wait(process, folder / "log", _NEXT)
        swap_peak = _peak_bytes(process.pid) / 1e9
    failed = sum(status != http.HTTPStatus.OK for _, status in answers)
    p50, p99 = map(float, np.percentile(singly, [50, 99]))
    what = f"the endpoint, {_MODEL}, {_CANDIDATES} candidates, one core"
    together = 1000 * np.array([seconds for seconds, _ in answers])
    return [
        at_most(f"{what}: p50", p50, _MOST_P50_MS, "ms", {"cpu_ms": cpu_ms}),
        at_most(f"{what}: p99", p99, _MOST_P99_MS, "ms", {}),
        Figure(
            f"{what}, {_AT_ONCE} requests at once",
            f"{rate:.0f} requests/s, {failed} failed",
            "none failed",
            failed == 0,
            {"p50_ms": float(np.median(together)), "p99_ms": float(np.percentile(together, 99))},
        ),
        at_most(
            f"memory of the endpoint, features of {_USERS:,} users and {_ITEMS:,} items, {_PAIRS:,} pairs",
            resident,
            _MOST_GB,
            "GB",
            {"peak_gb": peak},
        ),
        at_most("memory of the endpoint while newer features are loaded", swap_peak, _MOST_GB, "GB", {}),
    ]


def _body(rng: np.random.Generator) -> str:
    candidates = [{"item_id": f"i{item}", "deep_features_0": "d3"} for item in rng.integers(0, _ITEMS, _CANDIDATES)]
    user = f"u{rng.integers(0, _USERS)}"
    return json.dumps({"user_id": user, "scene": int(rng.integers(5)), "time": _TIME, "candidates": candidates})


def _ask(bodies: Sequence[str]) -> list[tuple[float, int]]:
    """Send requests over one connection. Returns the seconds and the status of each."""
    connection = http.client.HTTPConnection("127.0.0.1", _PORT)
    answers = []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", SCORE, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        answers.append((time.perf_counter() - started, answer.status))
    connection.close()
    return answers


@contextmanager
def _server(folder: Path, model: Path) -> Iterator[psutil.Popen]:
    """Run a server on the last core, and this process on the others, until the end."""
    *others, last = sorted(os.sched_getaffinity(0))
    place = ["--warehouse", str(folder / "warehouse"), "--dataset", "demo", "--model", str(model)]
    command = [sys.executable, "-m", "serving", *place, "--port", str(_PORT)]
    with (folder / "log").open("w") as log:
        started = psutil.Popen(command, cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT)
    try:
        started.cpu_affinity([last])
        os.sched_setaffinity(0, others or [last])
        _wait(started, folder / "log", _DATE)
        yield started
    finally:
        started.terminate()
        started.wait()
        os.sched_setaffinity(0, [*others, last])


def _wait(server: psutil.Popen, log: Path, date: str) -> None:
    """Wait until the server answers with the features of a date. Raises RuntimeError."""
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", _PORT)
            connection.request("GET", "/health")
            if json.load(connection.getresponse()).get("features_of") == date:
                return
        except OSError:
            continue
    raise RuntimeError(f"the endpoint does not answer with the features of {date}:\n{log.read_text()}")


def _peak_bytes(pid: int) -> int:
    """Return the largest resident memory of a process so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
