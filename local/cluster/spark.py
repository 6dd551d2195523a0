"""A Spark standalone cluster on this machine: a master and workers from the installed pyspark."""

import json
import os
import shlex
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from local.processes.ports import free_ports
from local.processes.server import Server
from spark_jobs.jvm import class_archive
from spark_jobs.jvm.options import SMALL_INPUT

_MASTER = "org.apache.spark.deploy.master.Master"
_WORKER = "org.apache.spark.deploy.worker.Worker"
_HOST = "127.0.0.1"


class SparkCluster:
    """A Spark master and some workers with one core each. Their logs and files are in `folder`."""

    def __init__(self, folder: Path, workers: int = 2, worker_memory: str = "1g") -> None:
        port, self._http_port = free_ports(2)
        self.uri = f"spark://{_HOST}:{port}"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **_fast_starts(),
        }
        address = ("--host", _HOST, "--port", str(port), "--webui-port", str(self._http_port))
        folder.mkdir(parents=True, exist_ok=True)
        self._master = Server(("spark-class", _MASTER, *address), folder / "master.log", environment)
        options = ("--host", _HOST, "--webui-port", "0", "--cores", "1", "--memory", worker_memory)
        self._workers = [
            Server(
                ("spark-class", _WORKER, *options, "--work-dir", str(folder / f"worker_{number}"), self.uri),
                folder / f"worker_{number}.log",
                environment,
            )
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the master, then all workers together. If one fails to start, ends all and raises StartError."""
        try:
            self._master.start(lambda: self._alive_workers() == 0)
            for worker in self._workers:
                worker.launch()
            for worker in self._workers:
                worker.wait_until(lambda: self._alive_workers() == len(self._workers))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for server in (*self._workers, self._master):
            server.stop()

    def start_worker(self, number: int) -> None:
        """Start one worker and wait until the master knows it. Raises StartError."""
        before = self._alive_workers() or 0
        self._workers[number].start(lambda: (self._alive_workers() or 0) > before)

    def kill_worker(self, number: int) -> None:
        """Kill a worker and its executors, as if its machine had lost power."""
        self._workers[number].kill()

    def _alive_workers(self) -> int | None:
        """Return how many workers the master knows, or None if it does not answer."""
        try:
            with urlopen(f"http://{_HOST}:{self._http_port}/json/", timeout=5) as answer:
                return json.load(answer)["aliveworkers"]
        except (URLError, OSError):
            return None


def _fast_starts() -> dict[str, str]:
    """Return environment variables that make the JVMs of the cluster start fast."""
    home = class_archive.spark_home()
    archive = class_archive.find_archive(class_archive.archive_key(home, os.environ))
    if archive is None:
        return {}
    return {
        "JAVA_TOOL_OPTIONS": shlex.join([*class_archive.archive_options(archive), *SMALL_INPUT]),
        "SPARK_CONF_DIR": str(class_archive.empty_folder(archive.parent)),
        "SPARK_HOME": str(home),
    }
