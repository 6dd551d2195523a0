"""List the finished runs in the artifacts folder. Each run is read only once."""

from dataclasses import dataclass, field
from pathlib import Path

from training.runs.layout import REPORT_FILE
from training.runs.summary import BrokenRunError, RunSummary, read_summary, runs_in


@dataclass(frozen=True)
class Listing:
    """The runs in the artifacts folder by name. broken: by name, what is wrong with runs that cannot be read."""

    runs: dict[str, RunSummary] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


class RunFolders:
    """Lists the runs in `artifacts`. A run's folder is complete when it appears and never changes, so it is cached."""

    def __init__(self, artifacts: Path) -> None:
        self.artifacts = artifacts
        self._cached: dict[str, RunSummary] = {}

    def listing(self) -> Listing:
        """List the folder and read the runs that are new. A broken run is tried again each time."""
        listing = Listing()
        for folder in sorted(runs_in(self.artifacts)):
            try:
                listing.runs[folder.name] = self._cached.get(folder.name) or read_summary(folder)
            except BrokenRunError as error:
                listing.broken[folder.name] = f"{error}."
        self._cached = listing.runs  # replaced as a whole, because requests run at the same time
        return listing

    def report(self, name: str) -> Path | None:
        """Return the path of a run's report, or None. The name is compared with the folders, never joined to a path."""
        folder = next((known for known in runs_in(self.artifacts) if known.name == name), None)
        path = folder / REPORT_FILE if folder else None
        return path if path and path.is_file() else None
