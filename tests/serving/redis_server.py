"""A real Redis, which tests start and end."""

import shutil
from pathlib import Path

from redis import Redis, RedisError

from local.errors import StartError
from local.processes.ports import free_ports
from local.processes.server import Server

PASSWORD = "geheim/@ö"


class RedisServer:
    """A Redis whose files are in a folder. It keeps its port when it is started again, but nothing else."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("redis-server"):
            raise StartError("there is no redis-server on this machine: install it, as .ci/install does")
        [self.port] = free_ports(1)
        settings = {"port": self.port, "bind": "127.0.0.1", "dir": folder, "save": '""', "requirepass": PASSWORD}
        (folder / "redis.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._server = Server(["redis-server", str(folder / "redis.conf")], folder / "redis.log", {})
        self.url = f"redis://:geheim%2F%40%C3%B6@127.0.0.1:{self.port}/0"
        self.client = Redis(port=self.port, password=PASSWORD)

    def start(self) -> None:
        self._server.start(self._answers)

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        self._server.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
