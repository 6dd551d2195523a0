"""Where an Airflow runs, for the tests that start one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.end_to_end.clicks", "tests.end_to_end.kills")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: as root, the database runs as another user, to whom pytest closes its folders."""
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        yield Path(made).resolve()
