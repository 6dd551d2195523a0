"""The paths, dates and manifests of a dataset's partitions."""

import re
from datetime import date as calendar_date
from typing import Any

from warehouse.errors import StorageError, WarehouseError
from warehouse.manifest import MANIFEST_FILE, Input, Manifest, RawInput
from warehouse.raw_files import have_changed, listing_version, read_raw_files, unpacked_bytes, version_of
from warehouse.raw_mapping import RawMapping, parse_mapping
from warehouse.scenes import MAPPING_FILE, SCENES, USUAL_SCENES
from warehouse.settings import read_settings
from warehouse.storage import Storage
from warehouse.tables import RAW, TABLES, Table

_DATE_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
_DATASET = re.compile(r"[A-Za-z0-9_]+")


class Catalog:
    """The tables of one dataset under one warehouse root. Paths have no scheme; URIs have one, for Spark and users."""

    def __init__(self, warehouse: str, dataset: str) -> None:
        if not _DATASET.fullmatch(dataset):
            raise WarehouseError(
                f"{dataset!r} cannot be the name of a dataset: use letters, digits and underscores only"
            )
        read_settings()  # raises if an environment variable is invalid, before any table is touched
        self.storage = Storage(warehouse)
        self.dataset = dataset

    def table_path(self, table: Table) -> str:
        return self.storage.path(table.name(self.dataset))

    def path(self, table: Table, date: str) -> str:
        return f"{self.table_path(table)}/date={date}"

    def uri(self, table: Table, date: str) -> str:
        return self.storage.uri(table.name(self.dataset), f"date={date}")

    def dates(self, table: Table) -> list[str]:
        """Return the dates of the table's folders, ascending. Raises WarehouseError on a date such as 2023-02-30."""
        matches = map(_DATE_FOLDER.fullmatch, self.storage.folders(self.table_path(table)))
        dates = [match[1] for match in matches if match]
        for date in dates:
            try:
                calendar_date.fromisoformat(date)
            except ValueError as error:
                raise WarehouseError(f"{self.uri(table, date)} is not a date: {error}; rename the folder") from error
        return dates

    def misplaced_raw(self, table: Table = RAW) -> list[str]:
        """Return the names in a raw table's folder that stages ignore, because they are not date=YYYY-MM-DD."""
        folder = self.table_path(table)
        names = [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in self.storage.entries(folder)]
        read = {f"date={date}" for date in self.dates(table)} | ({MAPPING_FILE} if table is RAW else set())
        return sorted(name for name in names if name not in read and not name.startswith((".", "_")))

    def raw_mapping(self) -> RawMapping:
        """Return how logs and candidates are to be read. Raises WarehouseError if the mapping is wrong."""
        try:
            text = self.storage.read_text(self.mapping_path)
        except FileNotFoundError:
            return RawMapping()
        except UnicodeDecodeError as error:
            raise WarehouseError(f"{self.mapping_uri} is not in UTF-8 ({error}); save it in UTF-8") from error
        except IsADirectoryError as error:
            raise WarehouseError(
                f"{self.mapping_uri} is a folder; put a file of this name there, or remove it"
            ) from error
        return parse_mapping(text, self.mapping_uri)

    @property
    def scenes(self) -> int:
        """The number of scenes: ANTM2C_SCENES if it is set, else as the mapping says. Raises WarehouseError."""
        mapped, given = self.raw_mapping().number_of_scenes, read_settings().scenes
        if mapped and given and mapped != given:
            raise WarehouseError(
                f"{self.mapping_uri} has {mapped} scenes, but ANTM2C_SCENES is {given}: do not set that variable, or "
                "change the file"
            )
        return given or mapped or USUAL_SCENES

    def require_scenes(self) -> None:
        """Raise WarehouseError if the dataset has another number of scenes than this process works with."""
        if self.scenes != len(SCENES):
            raise WarehouseError(
                f"dataset {self.dataset} in {self.storage.root} has {self.scenes} scenes ({MAPPING_FILE}), but this "
                f"process has begun with {len(SCENES)}: set ANTM2C_WAREHOUSE and ANTM2C_DATASET to this dataset, and "
                "run the command again"
            )

    @property
    def mapping_path(self) -> str:
        return f"{self.table_path(RAW)}/{MAPPING_FILE}"

    @property
    def mapping_uri(self) -> str:
        return self.storage.uri(RAW.name(self.dataset), MAPPING_FILE)

    def files(self, table: Table, date: str) -> list[dict]:
        """Return the partition's data files as fsspec entries with name and size."""
        return self.storage.files(self.path(table, date))

    def raw_bytes(self, date: str, table: Table = RAW) -> int:
        """Return the total size of the date's raw files. The uncompressed size of compressed files is estimated."""
        return sum(map(unpacked_bytes, self.files(table, date)))

    def manifest(self, table: Table, date: str) -> Manifest | None:
        """Return the partition's manifest, or None if it is not published. Raises WarehouseError if it is damaged."""
        place = f"{self.uri(table, date)}/{MANIFEST_FILE}"
        try:
            manifest = Manifest.from_json(self.storage.read_text(f"{self.path(table, date)}/{MANIFEST_FILE}"))
        except FileNotFoundError:
            return None
        except StorageError:  # a ValueError too, but the manifest itself may be fine
            raise
        except ValueError as error:
            raise WarehouseError(
                f"{place} is not a valid manifest: {error}; run the stage for this date again"
            ) from error
        if (manifest.table, manifest.date) != (table.folder, date):
            raise WarehouseError(
                f"{place} is the manifest of another partition, {manifest.table} date={manifest.date}; "
                f"run the stage for {date} again"
            )
        return manifest

    def data_files(self, path: str) -> list[list[Any]]:
        """List the data files under `path` as [relative name, bytes], sorted, which is how manifests keep them."""
        return [[entry["name"].removeprefix(f"{path}/"), entry["size"]] for entry in self.storage.files(path)]

    def require_whole(self, table: Table, date: str) -> None:
        """Raise WarehouseError if the data files of a published partition are not those that its manifest lists."""
        manifest = self.manifest(table, date)
        if manifest and manifest.files not in (None, self.data_files(self.path(table, date))):
            raise WarehouseError(
                f"the data files of {self.uri(table, date)} are not those listed in its manifest; "
                f"run the stage for {date} again"
            )

    def version(self, table: Table, date: str) -> str | None:
        """Return the version of the published partition, or None if there is none.

        Raw files have no manifest, so their version is a hash of their names and content.
        """
        if table.is_raw:
            return self.input(table, date).version
        manifest = self.manifest(table, date)
        return manifest.version if manifest else None

    def input(self, table: Table, date: str) -> Input:
        """Describe the partition in its current version, as an input in the manifest of another partition."""
        if table.is_raw:
            return self.raw_input(table, date)
        return Input(table.folder, date, self.version(table, date))

    def raw_input(self, table: Table, date: str) -> RawInput:
        """Describe the raw files of a date as they are now, as an input in the manifest of another partition."""
        files = read_raw_files(self.storage, self.path(table, date), self.mapping_path)
        return RawInput(table.folder, date, version_of(files), files)

    def raw_has_changed(self, source: Input) -> bool:
        """Whether the raw files of a date differ from those recorded in this input. False if all were removed since."""
        folder = self.path(TABLES[source.table], source.date)
        if isinstance(source, RawInput):
            return have_changed(self.storage, folder, self.mapping_path, source.files)
        return listing_version(self.storage, folder, self.mapping_path) not in (source.version, None)
