"""The state of an unfinished run, kept so that the same command goes on where it was killed."""

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
    """`{artifacts}/.checkpoints/<key>/last.pt`; the key is a hash of all that decides a run's result."""

    def __init__(self, artifacts: Path, decides: dict[str, Any]) -> None:
        described = json.dumps(decides, sort_keys=True).encode()
        self._folder = artifacts / ".checkpoints" / hashlib.sha256(described).hexdigest()[:16]
        self._path = self._folder / "last.pt"

    def load(self) -> dict[str, Any] | None:
        """The state last saved, or None. Raises TrainingError on a file that cannot be read."""
        if not self._path.exists():
            return None
        try:
            return torch.load(self._path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever its unpickler and zip reader meet
            raise self.unusable() from error

    def unusable(self) -> TrainingError:
        """What to raise where the saved state is not one of this run."""
        return TrainingError(f"{self._path} cannot be used: remove it, and the run starts anew")

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the saved state in one step. `state` holds tensors and plain values only."""
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{os.getpid()}.pt"
        try:
            torch.save(state, unfinished)
        except RuntimeError as error:  # what torch makes of a full disk
            unfinished.unlink(missing_ok=True)
            raise OSError(errno.EIO, f"cannot be written: {str(error).splitlines()[0]}", str(unfinished)) from error
        unfinished.replace(self._path)

    def remove(self) -> None:
        """Drops what was saved."""
        shutil.rmtree(self._folder, ignore_errors=True)
