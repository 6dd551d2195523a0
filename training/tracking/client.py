"""Access to MLflow. It is imported only when it is used, because the import takes seconds."""

import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrackingError
from warehouse.errors import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

ALREADY_EXISTS, NOT_FOUND = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"  # MLflow's codes of errors
_SQLITE = "sqlite:///"
_CREDENTIALS = re.compile(r"//\S+@")  # user and password in an address
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # it goes to stderr, which Airflow logs as errors
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # tasks are retried as a whole, and the board should not wait long
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


@contextmanager
def tracking(uri: str) -> Iterator["MlflowClient"]:
    """Open a client of the tracking server or database at `uri`. MLflow's errors become TrackingErrors."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])  # in case it was imported before
    file = database_file(uri)
    try:
        if file:
            _require_usable(file)
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        check = (
            f"check that {file} is MLflow's database and can be written"
            if file
            else f"check that an MLflow server is running at {uri}"
        )
        raise TrackingError(
            without_credentials(
                f"MLflow failed ({first_line(error)}): {check}; MLFLOW_TRACKING_URI or --tracking-uri sets the address"
            )
        ) from error


def without_credentials(text: str) -> str:
    """Return a text without the users and passwords in its addresses."""
    return _CREDENTIALS.sub("//", text)


def registered_model(client: "MlflowClient", name: str) -> "RegisteredModel | None":
    """Return the registered model of this name, or None if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != NOT_FOUND:
            raise
        return None


def may_hold_runs(uri: str) -> bool:
    """Return False if no run can be tracked yet, because the local database has no file before the first run."""
    file = database_file(uri)
    return file is None or file.exists()


def artifact_location(uri: str) -> str | None:
    """Return where MLflow keeps files of runs: a folder beside a local database, or None if a server chooses it."""
    file = database_file(uri)
    return (file.parent / "artifacts").as_uri() if file else None


def _require_usable(file: Path) -> None:
    """Raise sqlite3.Error at once if the database cannot be used. MLflow itself would retry for minutes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.execute("pragma schema_version")


def database_file(uri: str) -> Path | None:
    """Return the file of a local database, or None if `uri` is not one."""
    if not uri.startswith(_SQLITE):
        return None
    from sqlalchemy.engine import make_url

    return Path(make_url(uri).database or "").absolute()
