"""An artifacts folder with run folders made by hand."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.dags.conftest import dag_bag  # noqa: F401 - gives Airflow a home before it is imported
from tests.plugins.airflow_database import engine, session  # noqa: F401
from tests.run_folders import write_run
from warehouse.settings import Settings, read_settings

MakeRun = Callable[..., Path]


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    return folder


def settings(artifacts: Path) -> Settings:
    """A warehouse and a database of runs beside the artifacts; neither is there yet."""
    warehouse, tracking_uri = (artifacts.parent / "warehouse").as_uri(), f"sqlite:///{artifacts.parent}/mlflow.db"
    defaults = read_settings()
    return replace(defaults, warehouse=warehouse, dataset="demo", artifacts=str(artifacts), tracking_uri=tracking_uri)


@pytest.fixture
def make_run(artifacts: Path) -> MakeRun:
    return partial(write_run, artifacts)
