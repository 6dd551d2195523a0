"""What one may ask of a test run, and a real HDFS."""

import os
import signal
from collections.abc import Iterator

import pytest

from local_airflow.errors import StartError
from local_cluster.hadoop_jars import hadoop_jars
from local_cluster.hdfs import Hdfs

# Most of what the tests start runs for seconds: a JVM that compiles less needs half the time.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
# pytest-xdist's processes ignore Ctrl-C, and what tests start in them would do so too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="where the tests in a browser leave their pictures")


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """A running HDFS for all tests. In CI one that does not start is a failure, elsewhere a reason to skip."""
    try:
        jars = hadoop_jars()
        server = Hdfs(tmp_path_factory.mktemp("hdfs"), jars)
        server.start()
    except StartError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no HDFS on this machine: {error}")
    yield server
    server.stop()
