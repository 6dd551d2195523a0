"""A Docker daemon for the tests, with its data, its sockets and its process files in one folder."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import StartError
from local.processes.sessions import end_session, start_session

_START_SECONDS = 60


@contextmanager
def docker_daemon(folder: Path) -> Iterator[str]:
    """Run a daemon during the block. Yields its address for DOCKER_HOST. Raises StartError if it does not start."""
    if shutil.which("dockerd") is None:
        raise StartError("there is no dockerd on this machine")
    if not subprocess.run(["docker", "version"], capture_output=True).returncode:
        raise StartError("another Docker daemon runs on this machine, and two would use the same network bridge")
    address = f"unix://{folder}/docker.sock"
    places = ("--data-root", folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid")
    command = ["dockerd", *map(str, places), "--host", address]
    log = folder / "dockerd.log"
    with log.open("w") as output:
        daemon = start_session(command, folder, os.environ, output, folder / "session.json")
    try:
        deadline = time.monotonic() + _START_SECONDS
        while docker(address, "version", check=False).returncode:
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise StartError(f"dockerd did not start: {log.read_text()[-1000:]}")
            time.sleep(0.2)
        yield address
    finally:
        if left := containers(address):
            docker(address, "rm", "--force", "--volumes", *left)
        end_session(daemon.pid)
        daemon.wait()


def docker(address: str, *words: str | Path, **options) -> subprocess.CompletedProcess[str]:
    """Run a docker command. Raises CalledProcessError unless `check` is False."""
    environment = {**os.environ, "DOCKER_HOST": address}
    options = {"check": True, "text": True, "capture_output": True, **options}
    return subprocess.run(["docker", *map(str, words)], env=environment, **options)


def containers(address: str, *options: str) -> list[str]:
    """Ids of the daemon's containers, including stopped ones; none if it does not answer."""
    return docker(address, "ps", "--all", "--quiet", *options, check=False).stdout.split()
