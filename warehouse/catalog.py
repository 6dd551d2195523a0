"""Where the partitions of a dataset lie, and what is published."""

import hashlib
import re
from datetime import date as calendar_date
from typing import Any

from fsspec.utils import infer_compression

from warehouse.errors import StorageError, WarehouseError
from warehouse.manifest import MANIFEST_FILE, Input, Manifest
from warehouse.storage import Storage
from warehouse.tables import RAW, Table

_DATE_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
_COMPRESSION_FACTOR = 6  # of CSV, about
_DATASET = re.compile(r"[A-Za-z0-9_]+")


class Catalog:
    """The tables of one dataset under one warehouse root. Paths have no scheme; URIs have one, for Spark and users."""

    def __init__(self, warehouse: str, dataset: str) -> None:
        if not _DATASET.fullmatch(dataset):
            raise WarehouseError(f"dataset {dataset!r}: use letters, digits and underscores only")
        self.storage = Storage(warehouse)
        self.dataset = dataset

    def table_path(self, table: Table) -> str:
        return self.storage.path(table.name(self.dataset))

    def path(self, table: Table, date: str) -> str:
        return f"{self.table_path(table)}/date={date}"

    def uri(self, table: Table, date: str) -> str:
        return self.storage.uri(table.name(self.dataset), f"date={date}")

    def dates(self, table: Table) -> list[str]:
        """Return the dates that have a folder, ascending. Raises WarehouseError if a folder's date does not exist."""
        matches = map(_DATE_FOLDER.fullmatch, self.storage.folders(self.table_path(table)))
        dates = [match[1] for match in matches if match]
        for date in dates:
            try:
                calendar_date.fromisoformat(date)
            except ValueError as error:
                raise WarehouseError(f"{self.uri(table, date)} is not a date: {error}; rename the folder") from error
        return dates

    def files(self, table: Table, date: str) -> list[dict]:
        """Return the partition's data files as fsspec entries with name and size."""
        return self.storage.files(self.path(table, date))

    def raw_bytes(self, date: str) -> int:
        """Return the size of the date's raw files; for compressed files, about their size once unpacked."""
        return sum(
            entry["size"] * (1 if infer_compression(entry["name"]) is None else _COMPRESSION_FACTOR)
            for entry in self.files(RAW, date)
        )

    def manifest(self, table: Table, date: str) -> Manifest | None:
        """Return the manifest, or None if nothing is published. Raises WarehouseError if the manifest is damaged."""
        place = f"{self.uri(table, date)}/{MANIFEST_FILE}"
        try:
            manifest = Manifest.from_json(self.storage.read_text(f"{self.path(table, date)}/{MANIFEST_FILE}"))
        except FileNotFoundError:
            return None
        except StorageError:  # a ValueError too, but the manifest itself may be fine
            raise
        except ValueError as error:
            raise WarehouseError(
                f"{place}: not the manifest of a partition: {error}; run the stage of this date again"
            ) from error
        if (manifest.table, manifest.date) != (table.folder, date):
            raise WarehouseError(
                f"{place} is the manifest of {manifest.table} date={manifest.date}; run the stage of {date} again"
            )
        return manifest

    def data_files(self, path: str) -> list[list[Any]]:
        """Return the name below `path` and the size of each data file there, sorted, as manifests keep them."""
        return [[entry["name"].removeprefix(f"{path}/"), entry["size"]] for entry in self.storage.files(path)]

    def require_whole(self, table: Table, date: str) -> None:
        """Raise WarehouseError if a published partition's data files are not those listed in its manifest."""
        manifest = self.manifest(table, date)
        if manifest and manifest.files not in (None, self.data_files(self.path(table, date))):
            raise WarehouseError(
                f"the data files of {self.uri(table, date)} are not those that were published; "
                f"run the stage of {date} again"
            )

    def version(self, table: Table, date: str) -> str | None:
        """Return the published version, or None. Raw folders have no manifest: names, sizes and times are hashed."""
        if table is RAW:
            return self._raw_version(date)
        manifest = self.manifest(table, date)
        return manifest.version if manifest else None

    def input(self, table: Table, date: str) -> Input:
        """Return the partition, at its current version, as an input of another."""
        return Input(table.folder, date, self.version(table, date))

    def _raw_version(self, date: str) -> str | None:
        folder = self.path(RAW, date)
        if not self.storage.exists(folder):
            return None
        listing = [
            (file["name"].removeprefix(folder), file["size"], str(file.get("mtime", file.get("modification_time", ""))))
            for file in self.storage.files(folder)
        ]
        return hashlib.sha256(repr(listing).encode()).hexdigest()[:16]
