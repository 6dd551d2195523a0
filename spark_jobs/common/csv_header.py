"""Read the headers of a date's raw files. Columns are found by name, and each file may have its own order."""

import csv
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fsspec.utils import infer_compression

from spark_jobs.common.errors import StageError
from spark_jobs.common.intake import Intake
from warehouse.catalog import Catalog
from warehouse.raw_files import unpacked_bytes
from warehouse.raw_mapping import RawMapping
from warehouse.scenes import MAPPING_FILE

HEADER_BYTES = 1024 * 1024
_UNSUPPORTED = (".deflate", ".lz4", ".snappy", ".zst", ".lzo")
_WILDCARDS = frozenset("[]{}*?\\")
_OTHER_SEPARATORS = {
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    "\x01": "the character \\x01",
}
_OTHER_CONTENT = {  # by a pattern of the bytes that it begins with
    b"\xff\xfe": "is in UTF-16; write it in UTF-8",
    b"\xfe\xff": "is in UTF-16; write it in UTF-8",
    b"\x1f\x8b": "is compressed with gzip; let its name end in .gz",
    rb"BZh[1-9](1AY&SY|\x17rE8P)": "is compressed with bzip2; let its name end in .bz2",
    rb"\x28\xb5\x2f\xfd": "is compressed with zstd; write it uncompressed, as .gz or as .bz2",
    b"PK\x03\x04": "is a zip archive, such as an Excel workbook; unpack it, or save it as CSV",
    b"PAR1": "is Parquet; let its name end in .parquet",
}


@dataclass(frozen=True)
class Header:
    """The cells of a header without spaces around them, and the columns that they stand for: None for unknown ones.

    is_first_line: whether there are no blank lines before it.
    """

    cells: tuple[str, ...]
    columns: tuple[str | None, ...]
    is_first_line: bool


_AnyHeader = TypeVar("_AnyHeader", bound=Hashable)
ReadHeader = Callable[[Catalog, str, RawMapping, Sequence[str]], _AnyHeader | None]


@dataclass(frozen=True)
class RawFiles(Generic[_AnyHeader]):
    """Files with the same header. `size` is their total size in bytes, unpacked."""

    header: _AnyHeader
    uris: tuple[str, ...]
    size: int


def group_by_header(
    catalog: Catalog, date: str, intake: Intake, mapping: RawMapping, header_of: ReadHeader[_AnyHeader]
) -> list[RawFiles[_AnyHeader]]:
    """Group the date's raw files by header. Files whose header is None have no rows and are left out.

    Raises StageError if the folder is missing or has no files, or if a header lacks a required column or repeats one.
    """
    entries = raw_files(catalog, date, intake)
    files: dict[_AnyHeader, list[dict]] = defaultdict(list)
    for entry in entries:
        header = header_of(catalog, entry["name"], mapping, intake.required_columns)
        if header:
            files[header].append(entry)
    return [
        RawFiles(header, tuple(catalog.storage.uri_of(e["name"]) for e in group), sum(map(unpacked_bytes, group)))
        for header, group in files.items()
    ]


def raw_files(catalog: Catalog, date: str, intake: Intake) -> list[dict]:
    """List the date's raw files as fsspec entries. Raises StageError if the folder is missing or has no files."""
    folder = catalog.uri(intake.raw, date)
    if not catalog.storage.exists(catalog.path(intake.raw, date)):
        misplaced = ", ".join(catalog.misplaced_raw(intake.raw))
        beside = f"; ignored beside it, because the name is not date=YYYY-MM-DD: {misplaced}" if misplaced else ""
        raise StageError(f"no {intake.files}: there is no folder {folder}; put the raw files there{beside}")
    entries = catalog.files(intake.raw, date)
    if not entries:
        raise StageError(
            f"no {intake.files}: the folder {folder} has no files; put the raw files there, or, if the day has no "
            f"{intake.rows}, a CSV file with only a header"
        )
    for entry in entries:
        if entry.get("islink") and not catalog.storage.filesystem.exists(entry["name"]):
            raise StageError(f"{entry['name']} is a link that leads nowhere; mend or remove it")
    return entries


def read_beginning(catalog: Catalog, path: str) -> str:
    """Read the first megabyte of a text file, unpacked and without byte order marks. Raises StageError."""
    try:
        with catalog.storage.filesystem.open(path, "rb", compression="infer") as file:
            start = file.read(HEADER_BYTES)
    except (EOFError, OSError, zlib.error) as error:
        raise StageError(f"{path} cannot be read ({error}); write the file again") from error
    for pattern, advice in _OTHER_CONTENT.items():
        if re.match(pattern, start):
            raise StageError(f"{path} {advice}")
    return start.decode("utf-8", errors="replace").lstrip("\ufeff")


def read_header(catalog: Catalog, path: str, mapping: RawMapping, required: Sequence[str]) -> Header | None:
    """Read the header of a CSV file. None if the file is empty. Raises StageError."""
    start = read_beginning(catalog, path)
    written = start.lstrip()  # Spark itself skips only lines without a single character
    first_line = written.split("\n", 1)[0]
    if written.startswith("{"):
        raise StageError(
            f"{path} is not CSV: it begins with {{; let its name end in .jsonl if it has a JSON object on each line"
        )
    if "\r" in first_line.removesuffix("\r"):
        raise StageError(f"{path}: its lines end with \\r only; write the file with \\n or \\r\\n")
    try:
        cells = tuple(cell.strip() for cell in next(csv.reader(io.StringIO(written, newline="")), ()))
    except csv.Error as error:
        raise StageError(f"{path}: the first line is not a CSV header ({error})") from error
    if not cells:
        return None
    _check(cells, first_line, path, mapping, required)
    columns = tuple(map(mapping.column_of, cells))
    return Header(cells, columns, is_first_line=start.lstrip("\n").split("\n", 1)[0].strip() != "")


def check_file_name(path: str) -> None:
    """Raise StageError if Spark cannot read a file of this name, or a file compressed in this way."""
    special = sorted(_WILDCARDS.intersection(path) | {":"}.intersection(path.rsplit("/", 1)[-1]))
    if special:
        raise StageError(
            f"{path}: Spark cannot open a path with {' '.join(special)} in it; rename the file or its folder"
        )
    if not _is_utf8(path):
        raise StageError(f"{path!a}: the name of the file is not in UTF-8; rename the file")
    if path.endswith("._COPYING_"):
        raise StageError(f"{path} is still being written, or its upload was cut off; wait for it, or remove it")
    if infer_compression(path) not in (None, "gzip", "bz2") or path.endswith(_UNSUPPORTED):
        raise StageError(f"{path}: Spark cannot read this compression; write the file uncompressed, as .gz or as .bz2")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # Python writes other bytes as lone surrogates
        return False
    return True


def _check(cells: Sequence[str], line: str, path: str, mapping: RawMapping, required: Sequence[str]) -> None:
    """Raise StageError if the cells lack a required column or repeat a column. line: the header as written."""
    if _lacking(cells, mapping, required):
        for separator, name in _OTHER_SEPARATORS.items():
            if not _lacking([cell.strip(' "\r') for cell in line.split(separator)], mapping, required):
                raise StageError(f"{path}: its columns seem to be separated by {name}; write the file with commas")
        if {"\0", "\ufffd"}.intersection(line):
            raise StageError(f"{path}: its header is not in UTF-8; write the file in UTF-8")
    check_names(cells, f"{path}: the header", mapping, required)


def check_names(names: Sequence[str], subject: str, mapping: RawMapping, required: Sequence[str]) -> None:
    """Raise StageError if the names of a file's columns lack a required column or repeat a column."""
    if lacking := _lacking(names, mapping, required):
        needed = ", ".join(map(mapping.name_of, required))
        raise StageError(f"{subject} lacks {', '.join(lacking)}; it must name {needed}{_or_map(mapping)}")
    for column in filter(None, map(mapping.column_of, names)):
        written = [name for name in names if mapping.column_of(name) == column]
        if len(written) > 1:
            spelled = "" if len({*written}) == 1 else f", as {' and '.join(written)}"
            raise StageError(f"{subject} has {column} more than once{spelled}; keep one of them")


def _lacking(names: Sequence[str], mapping: RawMapping, required: Sequence[str]) -> list[str]:
    """Return the required columns that are missing from the names, each as the mapping says files name it."""
    columns = {*map(mapping.column_of, names)}
    return [mapping.name_of(column) for column in required if column not in columns]


def _or_map(mapping: RawMapping) -> str:
    return f" (see {MAPPING_FILE})" if mapping.columns else f", or {MAPPING_FILE} must say which columns these are"
