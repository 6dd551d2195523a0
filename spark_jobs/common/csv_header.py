"""The headers of a date's raw files. Columns are matched by name; files of one date may order them differently."""

import csv
import io
import zlib
from collections import defaultdict
from dataclasses import dataclass

from fsspec.utils import infer_compression

from spark_jobs.common.errors import StageError
from warehouse.catalog import Catalog
from warehouse.tables import RAW, REQUIRED_RAW_COLUMNS

_HEADER_BYTES = 1024 * 1024
_UNSUPPORTED = (".deflate", ".lz4", ".snappy", ".zst", ".lzo")
_WILDCARDS = frozenset("[]{}*?\\")


@dataclass(frozen=True)
class RawFiles:
    """Files with the same header. `size` is their total size in bytes, as stored."""

    columns: tuple[str, ...]
    uris: tuple[str, ...]
    size: int


def group_by_header(catalog: Catalog, date: str) -> list[RawFiles]:
    """Group the date's raw files by header. Empty files have no rows and are left out.

    Raises StageError if the folder is missing or empty, or if a header lacks a required column or repeats one.
    """
    entries = raw_files(catalog, date)
    files = defaultdict(list)
    for entry in entries:
        header = _read_header(catalog, entry["name"])
        if header:
            files[header].append(entry)
    return [
        RawFiles(header, tuple(catalog.storage.uri_of(e["name"]) for e in group), sum(e["size"] for e in group))
        for header, group in files.items()
    ]


def raw_files(catalog: Catalog, date: str) -> list[dict]:
    """List the date's raw files. Raises StageError if the folder is missing or empty."""
    folder = catalog.uri(RAW, date)
    if not catalog.storage.exists(catalog.path(RAW, date)):
        raise StageError(f"no raw logs for {date}: looked for the folder {folder}")
    entries = catalog.files(RAW, date)
    if not entries:
        raise StageError(
            f"no raw logs for {date}: the folder {folder} holds no file; for a day without impressions, put a CSV file "
            "with only a header there"
        )
    return entries


def _read_header(catalog: Catalog, path: str) -> tuple[str, ...]:
    _check_name(path)
    try:
        with catalog.storage.filesystem.open(path, "rb", compression="infer") as file:
            start = file.read(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
    except (EOFError, OSError, zlib.error) as error:
        raise StageError(f"{path} cannot be read ({error}); write the file again") from error
    first_line = start.split("\n", 1)[0]
    if "\r" in first_line.removesuffix("\r"):
        raise StageError(f"{path}: lines end in a carriage return alone; write the file with \\n or \\r\\n")
    try:
        records = csv.reader(io.StringIO(start, newline=""))
        header = next((tuple(name.strip() for name in record) for record in records if record), ())
    except csv.Error as error:
        raise StageError(f"{path}: the first line is not a CSV header ({error})") from error
    if header:
        _check(header, path)
    return header


def _check_name(path: str) -> None:
    """Raise StageError if Spark would take the name for a pattern, or cannot read the compression."""
    special = sorted(_WILDCARDS.intersection(path) | {":"}.intersection(path.rsplit("/", 1)[-1]))
    if special:
        raise StageError(f"{path}: Spark takes {' '.join(special)} in a name for a pattern; rename the file")
    if path.endswith("._COPYING_"):
        raise StageError(f"{path} is still being written, or its upload was cut off; wait for it, or remove it")
    if infer_compression(path) not in (None, "gzip", "bz2") or path.endswith(_UNSUPPORTED):
        raise StageError(f"{path}: Spark does not read this compression; write the file plain, as .gz or as .bz2")


def _check(header: tuple[str, ...], path: str) -> None:
    missing = [name for name in REQUIRED_RAW_COLUMNS if name not in header]
    if missing:
        raise StageError(
            f"{path}: the header lacks {', '.join(missing)}; it must name {', '.join(REQUIRED_RAW_COLUMNS)}"
        )
    named = [name for name in header if name]
    repeated = sorted({name for name in named if named.count(name) > 1})
    if repeated:
        raise StageError(f"{path}: the header names {', '.join(repeated)} more than once")
