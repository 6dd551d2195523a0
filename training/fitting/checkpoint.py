"""Checkpoints: if a run is killed, the same command resumes from its last checkpoint."""

import errno
import fcntl
import hashlib
import json
import shutil
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import torch

from training.errors import TrainingError
from training.progress import say
from training.unfinished_name import unfinished_name
from warehouse.errors import first_line

_STATE, _LOCK = "last.pt", "lock"


class Checkpoint:
    """The file `{artifacts}/.checkpoints/<key>-<random>/last.pt`. The key is a hash of all that affects the result.

    A run locks its checkpoint until the end of the `with` block, so the same training started twice has two of them. A
    checkpoint without a lock was left behind by a killed run, and the next run with the same key takes it over.
    """

    def __init__(self, artifacts: Path, identity: dict[str, Any]) -> None:
        described = json.dumps(identity, sort_keys=True).encode()
        self._parent, self._key = artifacts / ".checkpoints", hashlib.sha256(described).hexdigest()[:16]
        self._folder: Path | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def load(self) -> dict[str, Any] | None:
        """Take over the state of a killed run, and return it; None if there is none. Raises TrainingError."""
        for state in sorted(self._parent.glob(f"{self._key}-*/{_STATE}")):
            if self._take(state.parent) and state.exists():
                self._folder = state.parent
                break
            self._release()
        else:
            return None
        try:
            return torch.load(state, map_location="cpu", weights_only=True)
        except Exception as error:  # torch passes on whatever its unpickler and zip reader raise
            raise self.unusable() from error

    def unusable(self) -> TrainingError:
        """Return the error to raise if the saved state does not fit this run."""
        state = f"{self._folder}/{_STATE}"
        return TrainingError(f"the checkpoint {state} cannot be used: remove it, and the run starts from the beginning")

    def save(self, state: dict[str, Any]) -> None:
        """Save a state atomically instead of the last one. It must consist of tensors and plain values."""
        if self._folder is None or not self._folder.is_dir():
            self._folder = self._parent / f"{self._key}-{uuid4().hex[:16]}"
            self._folder.mkdir(parents=True)
            self._take(self._folder)
        unfinished = unfinished_name(self._folder / _STATE)
        try:
            torch.save(state, unfinished)
        except RuntimeError as error:  # torch raises it when the disk is full
            unfinished.unlink(missing_ok=True)
            raise OSError(
                errno.EIO, f"the checkpoint cannot be saved ({first_line(error)})", str(unfinished)
            ) from error
        unfinished.replace(self._folder / _STATE)

    def remove(self) -> None:
        """Remove the checkpoint: first the state, so that no other run takes it over, and then its folder."""
        if self._folder:
            (self._folder / _STATE).unlink(missing_ok=True)
            self._release()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, folder: Path) -> bool:
        """Try to lock a checkpoint. Returns False if another process has locked it, or if it cannot be locked."""
        try:
            self._lock = (folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("the same training is running in another process: this one keeps a checkpoint of its own")
            return False
        except FileNotFoundError:  # its run has just ended
            return False
        except OSError as error:  # of a file system without locks, or of another user's folder
            say(f"{folder} cannot be locked ({error.strerror}): no run resumes from it")
            return False
        return True

    def _release(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None
