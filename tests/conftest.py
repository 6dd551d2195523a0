"""Options for test runs, and a real HDFS."""

import os
import shlex
import signal
from collections.abc import Iterator

import pytest

from local.cluster.hadoop_jars import hadoop_jars
from local.cluster.hdfs_server import Hdfs
from local.errors import StartError
from spark_jobs.jvm.options import SMALL_INPUT
from warehouse.settings import REPOSITORY

# Spark sessions of tests use the class archive if there is one, and options for small inputs.
os.environ.setdefault("SPARK_CONF_DIR", str(REPOSITORY / "conf"))
os.environ.setdefault("SPARK_SUBMIT_OPTS", shlex.join(SMALL_INPUT))
# pytest-xdist's processes ignore Ctrl-C, and programs that tests start in them would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="where browser tests save their pictures")


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """A running HDFS for all tests. If it does not start, tests fail in CI and are skipped elsewhere."""
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
