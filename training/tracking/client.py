"""Reaching MLflow. It is imported when it is first used: that alone takes seconds."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"//\S+@")  # and the user's name, in an address
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
        if file := database_file(uri):
            _open_once(file)
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        said = _PASSWORD.sub("//", next(iter(str(error).splitlines()), type(error).__name__))
        raise TrackingError(f"MLflow (MLFLOW_TRACKING_URI) could not be used: {said}") from error


@contextmanager
def alone(uri: str) -> Iterator[None]:
    """No other process of this machine changes a local database meanwhile. A server looks after itself."""
    file = database_file(uri)
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def begun(uri: str) -> bool:
    """Whether anything can have been tracked: a database's file is made with the first run."""
    file = database_file(uri)
    return file is None or file.exists()


def artifact_location(uri: str) -> str | None:
    """Where a local database's experiments keep files: beside it. A server knows its own place."""
    file = database_file(uri)
    return (file.parent / "artifacts").as_uri() if file else None


def _open_once(file: Path) -> None:
    """Raises sqlite3.Error where it cannot be used: MLflow would try for minutes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.execute("pragma schema_version")


def database_file(uri: str) -> Path | None:
    """The file of a local database; None where the address is another."""
    if not uri.startswith(_SQLITE):
        return None
    from sqlalchemy.engine import make_url

    return Path(make_url(uri).database or "").absolute()
