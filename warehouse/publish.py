"""Publish a partition. Readers see the old partition, the new one or none, but never a mixture.

A partition is first written to `<table>/.staging/<run>/date=D`. Then the old partition is moved to
`<table>/.trash/<run>`, the new one is moved to `<table>/date=D`, and the old one is deleted. Readers skip names with a
leading dot. If a run is killed at any point, running it again repairs the table.
"""

import subprocess
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from warehouse.catalog import Catalog
from warehouse.lineage import report_partition
from warehouse.manifest import MANIFEST_FILE, Input, Manifest, partition_version
from warehouse.settings import REPOSITORY, read_settings
from warehouse.tables import Table

_DESCRIBE = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
_RUN_TIME = "%Y%m%dT%H%M%SZ"
_ABANDONED_AFTER = timedelta(days=1)  # longer than any stage may run
_SWAP_ATTEMPTS = 5  # more than two runs of one date at once are not expected


@dataclass(frozen=True)
class Content:
    """What was written to a partition. columns: [name, Spark type]. checksum: does not depend on the order of rows."""

    rows: int
    columns: list[list[str]]
    checksum: str
    rows_in: int | None = None
    rejects: dict[str, int] = field(default_factory=dict)


class StagedPartition:
    """A partition that is being written. `publish` moves it into place; `__exit__` removes whatever is left."""

    def __init__(self, catalog: Catalog, table: Table, date: str) -> None:
        self._catalog = catalog
        self.table = table
        self.date = date
        self.run_id = f"{datetime.now(UTC).strftime(_RUN_TIME)}-{uuid.uuid4().hex[:8]}"
        self._folder = table.name(catalog.dataset)
        self._run_path = catalog.storage.path(self._folder, ".staging", self.run_id)
        self.path = f"{self._run_path}/date={date}"
        self.uri = catalog.storage.uri(self._folder, ".staging", self.run_id, f"date={date}")

    def __enter__(self) -> "StagedPartition":
        self._drop_abandoned_runs()
        self._catalog.storage.make_folder(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self._catalog.storage.remove(self._run_path)

    def has_folder(self, name: str) -> bool:
        return self._catalog.storage.exists(f"{self.path}/{name}")

    def publish(
        self,
        content: Content,
        inputs: list[Input],
        history_start: str | None = None,
        parameters: dict[str, int] | None = None,
        scored_by: dict[str, str] | None = None,
    ) -> Manifest:
        """Write the manifest and move the folder into place."""
        manifest = Manifest(
            table=self.table.folder,
            date=self.date,
            rows=content.rows,
            columns=content.columns,
            checksum=content.checksum,
            version=partition_version(content.columns, content.rows, content.checksum),
            inputs=sorted(inputs, key=lambda entry: (entry.table, entry.date)),
            code_revision=code_revision(),
            run_id=self.run_id,
            published_at=datetime.now(UTC).isoformat(timespec="seconds"),
            history_start=history_start,
            parameters=parameters or {},
            rows_in=content.rows_in,
            rejects=content.rejects,
            files=self._catalog.data_files(self.path),
            scored_by=scored_by,
        )
        self._catalog.storage.write_text(f"{self.path}/{MANIFEST_FILE}", manifest.to_json())
        self._swap()
        report_partition(self._catalog, manifest)
        return manifest

    def _swap(self) -> None:
        storage, target = self._catalog.storage, self._catalog.path(self.table, self.date)
        trash = storage.path(self._folder, ".trash", self.run_id)
        for attempt in range(1, _SWAP_ATTEMPTS + 1):
            try:
                if storage.exists(target):
                    storage.rename_folder(target, f"{trash}/{attempt}")
                storage.rename_folder(self.path, target)
                break
            except OSError:  # another run of this date has published its partition, or moved the old one away
                if attempt == _SWAP_ATTEMPTS or not storage.exists(self.path):
                    raise
        storage.remove(trash)

    def _drop_abandoned_runs(self) -> None:
        """Remove the folders left behind by runs that were killed."""
        oldest = (datetime.now(UTC) - _ABANDONED_AFTER).strftime(_RUN_TIME)
        for kind in (".staging", ".trash"):
            parent = self._catalog.storage.path(self._folder, kind)
            for run in self._catalog.storage.folders(parent):
                if run < oldest:
                    self._catalog.storage.remove(f"{parent}/{run}")


@cache
def code_revision() -> str:
    """Return the commit of this code from ANTM2C_CODE_REVISION or git, with -dirty if files were changed since."""
    if revision := read_settings().code_revision:
        return revision
    try:
        described = subprocess.run(_DESCRIBE, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()
