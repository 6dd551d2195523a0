"""The runs in the artifacts folder. Each is read only once."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from plugins.board.runs import BrokenRunError, Run, read_run
from training.runs.layout import REPORT_FILE, model_of


@dataclass(frozen=True)
class Listing:
    """The runs in the artifacts folder by name. broken: for each run that cannot be shown, an error message."""

    runs: dict[str, Run] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


class RunFolders:
    """Reads the runs in `artifacts` and keeps them in memory: a run's folder appears complete and never changes."""

    def __init__(self, artifacts: Path) -> None:
        self.artifacts = artifacts
        self._read: dict[str, Run] = {}

    def listing(self) -> Listing:
        """List the folder and read the runs that are new. Broken runs are tried again each time."""
        listing = Listing()
        for name in self._names():
            try:
                listing.runs[name] = self._read.get(name) or read_run(self.artifacts / name)
            except BrokenRunError as error:
                listing.broken[name] = str(error)
        self._read = listing.runs  # assigned as a whole, because requests run in parallel
        return listing

    def report(self, name: str) -> Path | None:
        """The path of a run's report, or None. The name is looked up in the listing and never joined to a path."""
        found = next((known for known in self._names() if known == name), None)
        path = self.artifacts / found / REPORT_FILE if found else None
        return path if path and path.is_file() else None

    def _names(self) -> list[str]:
        try:
            with os.scandir(self.artifacts) as entries:
                return sorted(entry.name for entry in entries if model_of(entry.name) and _is_folder(entry))
        except FileNotFoundError:
            return []


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # for example a link to itself
        return False
