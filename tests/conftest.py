"""What one may ask of a test run, and a real HDFS."""

import os
import shlex
import signal
from collections.abc import Iterator

import pytest

from local.cluster.hadoop_jars import hadoop_jars
from local.cluster.hdfs import Hdfs
from local.errors import StartError
from spark_jobs.jvm.options import SMALL_INPUT
from warehouse.settings import REPOSITORY

# Sessions of tests take the class archive where there is one. No arguments tell how small what they read is.
os.environ.setdefault("SPARK_CONF_DIR", str(REPOSITORY / "conf"))
os.environ.setdefault("SPARK_SUBMIT_OPTS", shlex.join(SMALL_INPUT))
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
