"""Reaching MLflow. It is imported when it is first used: that alone takes seconds."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"//[^/@\s]+@")  # and the user's name, in an address
_UNLESS_SET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a task is retried as a whole, and a page should not hang
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


@contextmanager
def tracking(uri: str) -> Iterator["MlflowClient"]:
    """A client of the tracking server or database at `uri`. Raises TrackingError, also from within the block."""
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        if file := _database_file(uri):
            file.parent.mkdir(parents=True, exist_ok=True)
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        said = _PASSWORD.sub("//", next(iter(str(error).splitlines()), type(error).__name__))
        raise TrackingError(f"MLflow (MLFLOW_TRACKING_URI) could not be used: {said}") from error


def begun(uri: str) -> bool:
    """Whether anything can have been tracked: a database's file is made with the first run."""
    file = _database_file(uri)
    return file is None or file.exists()


def artifact_location(uri: str) -> str | None:
    """Where a local database's experiments keep files: beside it. A server knows its own place."""
    file = _database_file(uri)
    return (file.parent / "artifacts").as_uri() if file else None


def _database_file(uri: str) -> Path | None:
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None
