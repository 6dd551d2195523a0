"""A Spark standalone cluster: a master and workers from the installed pyspark."""

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
    """Below a folder, a master and `workers` workers of one core each."""

    def __init__(self, folder: Path, workers: int = 2, worker_memory: str = "1g") -> None:
        port, self._http_port = free_ports(2)
        self.uri = f"spark://{_HOST}:{port}"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **_fast_starts(),
        }
        at = ("--host", _HOST, "--port", str(port), "--webui-port", str(self._http_port))
        folder.mkdir(parents=True, exist_ok=True)
        self._master = Server(("spark-class", _MASTER, *at), folder / "master.log", environment)
        of_worker = ("--host", _HOST, "--webui-port", "0", "--cores", "1", "--memory", worker_memory)
        self._workers = [
            Server(
                ("spark-class", _WORKER, *of_worker, "--work-dir", str(folder / f"worker_{number}"), self.uri),
                folder / f"worker_{number}.log",
                environment,
            )
            for number in range(workers)
        ]

    def start(self) -> None:
        """Starts all of it. Raises StartError, with nothing left running."""
        try:
            self._master.start(lambda: self._alive_workers() == 0)
            for number in range(len(self._workers)):
                self.start_worker(number)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends what runs."""
        for server in (*self._workers, self._master):
            server.stop()

    def start_worker(self, number: int) -> None:
        """Starts it and waits until the master knows it. Raises StartError."""
        before = self._alive_workers() or 0
        self._workers[number].start(lambda: (self._alive_workers() or 0) > before)

    def kill_worker(self, number: int) -> None:
        """As a machine that loses its power: its executors go with it."""
        self._workers[number].kill()

    def _alive_workers(self) -> int | None:
        """How many the master knows; None where it does not answer."""
        try:
            with urlopen(f"http://{_HOST}:{self._http_port}/json/", timeout=5) as answer:
                return json.load(answer)["aliveworkers"]
        except (URLError, OSError):
            return None


def _fast_starts() -> dict[str, str]:
    """Master, workers and, through these, executors take the class archive; what they run here is small."""
    home = class_archive.spark_home()
    archive = class_archive.find_archive(class_archive.archive_key(home, os.environ))
    if archive is None:
        return {}
    return {
        "JAVA_TOOL_OPTIONS": shlex.join([*class_archive.archive_options(archive), *SMALL_INPUT]),
        "SPARK_CONF_DIR": str(class_archive.empty_folder(archive.parent)),
        "SPARK_HOME": str(home),
    }
