"""Where an Airflow runs, for the tests that start one."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: as root, the database runs as another user, to whom pytest closes its folders."""
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        yield Path(made).resolve()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
