"""An HDFS on this machine: a NameNode and a DataNode, which can be killed and started again."""

import os
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

import hdfs_native

from local.errors import StartError
from local.processes.ports import free_ports
from local.processes.server import Server

_NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_ADMIN = "org.apache.hadoop.hdfs.tools.DFSAdmin"
_JAVA = ("java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
_LOG = """log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
"""


class Hdfs:
    """One NameNode and one DataNode whose files are in a folder. Both keep their ports when they restart.

    `settings` is the folder for clients to use as HADOOP_CONF_DIR.
    """

    def __init__(self, folder: Path, jars: Path) -> None:
        self._folder, self.settings, self._jars = folder, folder / "conf", jars
        port, self._http_port, self._data_port = free_ports(3)
        self.uri = f"hdfs://127.0.0.1:{port}"
        self._namenode = Server(self._command(_NAMENODE), folder / "namenode.log", os.environ)
        self._datanode = Server(self._command(_DATANODE), folder / "datanode.log", os.environ)
        self._configure()

    def start(self) -> None:
        """Format the file system and start both servers. If that fails, ends both and raises StartError."""
        try:
            subprocess.run(self._command(_NAMENODE, "-format"), capture_output=True, text=True, check=True)
            self.start_namenode()
            self.start_datanode()
        except subprocess.CalledProcessError as error:
            raise StartError(f"HDFS cannot be formatted in {self._folder}: {error.stderr[-2000:]}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._datanode.stop()
        self._namenode.stop()

    def start_namenode(self) -> None:
        """Start the NameNode and wait until it answers. It stays in safe mode until DataNodes report their blocks."""
        self._namenode.start(self._answers)

    def start_datanode(self) -> None:
        """Start the DataNode and wait until the NameNode knows its blocks."""
        log = self._datanode.log
        before = log.stat().st_size if log.exists() else 0
        self._datanode.start(lambda: b"Successfully sent block report" in log.read_bytes()[before:])

    def kill_namenode(self) -> None:
        """Kill the NameNode, as if its machine had lost power."""
        self._namenode.kill()

    def kill_datanode(self) -> None:
        """Kill the DataNode, as if its machine had lost power."""
        self._datanode.kill()

    def set_safe_mode(self, on: bool) -> None:
        """Switch safe mode on or off. In safe mode, the NameNode refuses all changes."""
        word = "enter" if on else "leave"
        subprocess.run(self._command(_ADMIN, "-safemode", word), check=True, capture_output=True)

    def _configure(self) -> None:
        for webapp in ("hdfs", "datanode", "static"):
            (self._folder / "web" / "webapps" / webapp).mkdir(parents=True)
        self.settings.mkdir()
        (self.settings / "log4j.properties").write_text(_LOG)
        self._write_xml("core-site.xml", {"fs.defaultFS": self.uri, "hadoop.tmp.dir": str(self._folder / "tmp")})
        address = f"127.0.0.1:{self._data_port}"
        self._write_xml(
            "hdfs-site.xml",
            {
                "dfs.replication": "1",
                "dfs.webhdfs.enabled": "false",  # it needs more jars
                "dfs.namenode.name.dir": f"file://{self._folder}/name",
                "dfs.datanode.data.dir": f"file://{self._folder}/data",
                "dfs.namenode.http-address": f"127.0.0.1:{self._http_port}",
                "dfs.datanode.hostname": "127.0.0.1",
                "dfs.datanode.address": address,
                "dfs.datanode.ipc.address": "127.0.0.1:0",
                "dfs.datanode.http.address": "127.0.0.1:0",
                "dfs.namenode.datanode.registration.ip-hostname-check": "false",
                "dfs.namenode.safemode.extension": "0",
                "dfs.heartbeat.interval": "1",
            },
        )

    def _write_xml(self, name: str, properties: dict[str, str]) -> None:
        lines = [
            f"<property><name>{key}</name><value>{escape(value)}</value></property>"
            for key, value in properties.items()
        ]
        (self.settings / name).write_text("<configuration>\n" + "\n".join(lines) + "\n</configuration>\n")

    def _command(self, main: str, *arguments: str) -> list[str]:
        class_path = f"{self.settings}:{self._folder / 'web'}:{self._jars}/*"
        return [*_JAVA, f"-Djava.io.tmpdir={self._folder}", "-cp", class_path, main, *arguments]

    def _answers(self) -> bool:
        try:
            list(hdfs_native.Client(self.uri, {"dfs.client.failover.max.attempts": "0"}).list_status("/"))
        except (OSError, RuntimeError):
            return False
        return True
