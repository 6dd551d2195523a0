"""Find out whether raw files have changed since a stage read them.

Names and sizes are compared first. The content is read only if a file's time differs: a copy, such as a restored
backup, has a new time but the same content, and does not count as changed. The dataset's mapping, which says how the
files are to be read, counts as one of them.
"""

import hashlib
import posixpath
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from fsspec.utils import infer_compression

from warehouse.manifest import RawFile
from warehouse.storage import Storage

PARQUET_SUFFIXES = (".parquet", ".pq")
_REMEMBERED_CHECKSUMS = 10_000
_COMPRESSION_FACTOR = 6  # about, of CSV and of Parquet
_CHUNK_BYTES = 1024**2
_LARGEST_HEADER_BYTES = 4096  # files that have nothing but a header may well be alike


def read_raw_files(storage: Storage, folder: str, mapping: str) -> tuple[RawFile, ...]:
    """Describe the visible files under `folder`, sorted, and the mapping. Reads each file once. Raises OSError."""
    return tuple(
        RawFile(name, entry["size"], _time(entry), _checksum(storage, entry))
        for name, entry in _by_name(storage, folder, mapping).items()
    )


def have_changed(storage: Storage, folder: str, mapping: str, known: Iterable[RawFile]) -> bool:
    """Whether the files under `folder` differ from the known ones. Reads files whose time, but not size, has changed.

    If all files were removed, the answer is no: raw files may be archived once their logs are published.
    """
    before = {file.name: file for file in known}
    now = _by_name(storage, folder, mapping)
    if not now:
        return False
    if {name: file.size for name, file in before.items()} != {name: entry["size"] for name, entry in now.items()}:
        return True
    touched = {name: entry for name, entry in now.items() if not _time(entry) or _time(entry) != before[name].time}
    return any(_checksum(storage, entry) != before[name].checksum for name, entry in touched.items())


def copies(files: Iterable[RawFile]) -> list[list[str]]:
    """Return the names of the files that have the same content as another one, in groups."""
    names: dict[str, list[str]] = {}
    for file in files:
        if file.size > _LARGEST_HEADER_BYTES:
            names.setdefault(file.checksum, []).append(file.name)
    return [same for same in names.values() if len(same) > 1]


def version_of(files: Iterable[RawFile]) -> str | None:
    """Return a hash of the files' names and content, or None if there are no files."""
    contents = [(file.name, file.size, file.checksum) for file in files]
    return hashlib.sha256(repr(contents).encode()).hexdigest()[:16] if contents else None


def listing_version(storage: Storage, folder: str, mapping: str) -> str | None:
    """Return a hash of names, sizes and times, or None if there are no files. It is the version in older manifests."""
    entries = _by_name(storage, folder, mapping)
    listing = [(f"/{name}", entry["size"], _time(entry)) for name, entry in entries.items()]
    return hashlib.sha256(repr(listing).encode()).hexdigest()[:16] if listing else None


def is_compressed(name: str) -> bool:
    """Return whether a raw file of this name is compressed, as a whole or, like Parquet, inside."""
    return infer_compression(name) is not None or name.lower().endswith(PARQUET_SUFFIXES)


def unpacked_bytes(entry: dict[str, Any]) -> int:
    """Return the size of a raw file in bytes; that of a compressed one is estimated."""
    return entry["size"] * (_COMPRESSION_FACTOR if is_compressed(entry["name"]) else 1)


def _by_name(storage: Storage, folder: str, mapping: str) -> dict[str, dict[str, Any]]:
    """Return each raw file and the mapping by its path relative to `folder`, or nothing if no raw file is left."""
    files = {entry["name"].removeprefix(f"{folder}/"): entry for entry in storage.files(folder)}
    entry = storage.file(mapping) if files else None
    return {**files, posixpath.relpath(mapping, folder): entry} if entry else files


def _time(entry: dict[str, Any]) -> str:
    """Return the file's modification time as its file system writes it, or an empty string if it has none."""
    return str(entry.get("mtime", entry.get("modification_time", "")))


def _checksum(storage: Storage, entry: dict[str, Any]) -> str:
    if time := _time(entry):
        return _remembered_checksum(storage.root, entry["name"], entry["size"], time)
    return _read_checksum(storage, entry["name"])


@lru_cache(maxsize=_REMEMBERED_CHECKSUMS)  # the board asks every few seconds
def _remembered_checksum(root: str, path: str, _size: int, _time: str) -> str:
    return _read_checksum(Storage(root), path)


def _read_checksum(storage: Storage, path: str) -> str:
    checksum = hashlib.sha256()
    with storage.filesystem.open(path, "rb") as file:  # on HDFS, not a file that hashlib.file_digest takes
        while chunk := file.read(_CHUNK_BYTES):
            checksum.update(chunk)
    return checksum.hexdigest()
