"""All runs below the artifacts folder, each read once."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from plugins.board.runs import BrokenRunError, Run, read_run
from training.runs.layout import REPORT_FILE, model_of


@dataclass(frozen=True)
class Listing:
    """What lies in the artifacts folder now. broken: a sentence for each run that cannot be shown."""

    runs: dict[str, Run] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


class RunFolders:
    """The runs below `artifacts`. A run's folder appears complete and never changes: what was read is kept."""

    def __init__(self, artifacts: Path) -> None:
        self.artifacts = artifacts
        self._kept: dict[str, Run] = {}

    def listing(self) -> Listing:
        """Looks at the folder anew and reads the runs that have come since. A broken run is tried each time."""
        listing = Listing()
        for name in self._names():
            try:
                listing.runs[name] = self._kept.get(name) or read_run(self.artifacts / name)
            except BrokenRunError as error:
                listing.broken[name] = str(error)
        self._kept = listing.runs  # replaced as a whole: requests run side by side
        return listing

    def report(self, name: str) -> Path | None:
        """The report of a run, or None. A name is looked up among those that are there, never joined to a path."""
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
    except OSError:  # a link to itself, say
        return False
