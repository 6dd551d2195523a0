"""Checkpoints of an unfinished run, from which the same command resumes after it was killed."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError


class Checkpoint:
    """The file `{artifacts}/.checkpoints/<key>/last.pt`. The key hashes everything that affects a run's result."""

    def __init__(self, artifacts: Path, identity: dict[str, Any]) -> None:
        described = json.dumps(identity, sort_keys=True).encode()
        self._folder = artifacts / ".checkpoints" / hashlib.sha256(described).hexdigest()[:16]
        self._path = self._folder / "last.pt"

    def load(self) -> dict[str, Any] | None:
        """Return the last saved state, or None. Raises TrainingError if the file cannot be read."""
        if not self._path.exists():
            return None
        try:
            return torch.load(self._path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch passes on whatever its unpickler and zip reader raise
            raise self.unusable() from error

    def unusable(self) -> TrainingError:
        """Return the error to raise if the saved state does not fit this run."""
        return TrainingError(f"{self._path} cannot be used: remove it, and the run starts from the beginning")

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state atomically. `state` holds only tensors and plain values."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{os.getpid()}.pt"
        try:
            torch.save(state, unfinished)
        except RuntimeError as error:  # torch raises it when the disk is full
            unfinished.unlink(missing_ok=True)
            raise OSError(errno.EIO, f"cannot be written: {str(error).splitlines()[0]}", str(unfinished)) from error
        unfinished.replace(self._path)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
