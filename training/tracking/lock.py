"""A lock, so that two commands do not create the same run or promote a run in MLflow at the same time."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from training.errors import TrackingError
from training.tracking.client import ALREADY_EXISTS, NOT_FOUND, database_file, registered_model, tracking

_NAME, _OWNER_TAG = "antm2c.lock", "antm2c.owner"
_DESCRIPTION = (
    "This is a lock, not a model: while it exists, other antm2c commands wait to change runs or the champion. It "
    "exists for seconds only. If it is left behind, the next command removes it after two minutes."
)
_ABANDONED_AFTER, _POLL = 120.0, 0.5  # seconds


@contextmanager
def locked(uri: str) -> Iterator[None]:
    """Hold the lock in the `with` block. Other commands wait for it. Raises TrackingError.

    For a local database, the lock is a file beside it, which the system unlocks if its holder dies. For a server, it is
    a registered model, because their names are unique. Hold it only for the seconds that a few requests take.
    """
    file = database_file(uri)
    with _locked_beside(file) if file else _locked_on_server(uri):
        yield


@contextmanager
def _locked_beside(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked_on_server(uri: str) -> Iterator[None]:
    own = uuid4().hex
    seen, since = own, time.monotonic()
    while (owner := _claimed(uri, own)) != own:
        if owner != seen:
            seen, since = owner, time.monotonic()
        elif time.monotonic() - since > _ABANDONED_AFTER:  # by this machine's clock alone
            _remove(uri, owner)
        time.sleep(_POLL)
    try:
        yield
    finally:
        _remove(uri, own)


def _claimed(uri: str, own: str) -> str:
    """Try to take the lock, and return its owner: `own` if that succeeded, "" if the lock was just released."""
    from mlflow.exceptions import MlflowException

    with tracking(uri) as client:
        try:
            client.create_registered_model(_NAME, tags={_OWNER_TAG: own}, description=_DESCRIPTION)
            return own
        except MlflowException as error:
            if error.error_code not in (ALREADY_EXISTS, NOT_FOUND):  # not found: released while MLflow looked at it
                raise
        held = registered_model(client, _NAME)  # it may be one's own, if the request was sent twice
        return held.tags.get(_OWNER_TAG, "") if held else ""


def _remove(uri: str, owner: str) -> None:
    # It may fail: if another command was faster, all is well, and if the server is down, the lock counts as abandoned.
    with suppress(TrackingError), tracking(uri) as client:
        held = registered_model(client, _NAME)
        if held and held.tags.get(_OWNER_TAG, "") == owner:
            client.delete_registered_model(_NAME)
