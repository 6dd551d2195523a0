"""The folder of an Airflow, for the tests that start one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.end_to_end.clicks", "tests.end_to_end.kills")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's tmp_path: if root runs the tests, the database runs as another user, who may not enter that."""
    with tempfile.TemporaryDirectory(prefix="antm2c-") as made:
        yield Path(made).resolve()
