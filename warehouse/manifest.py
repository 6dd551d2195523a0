"""The manifest of a published partition: a JSON file that says what the partition holds and where it comes from."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from warehouse.tables import TABLES

MANIFEST_FILE = "_manifest.json"


@dataclass(frozen=True, order=True)
class Input:
    """A partition that another one was computed from. `version` is None if it did not exist at that time."""

    table: str
    date: str
    version: str | None


class RawFile(NamedTuple):
    """A raw file at the time a stage read it.

    name: relative to the folder of its date. size: in bytes. time: of its last change, empty if unknown.
    """

    name: str
    size: int
    time: str
    checksum: str


@dataclass(frozen=True, order=True)
class RawInput(Input):
    """The raw files of a date, which have no manifest of their own."""

    files: tuple[RawFile, ...]


@dataclass(frozen=True)
class Manifest:
    """What a published partition holds, and what it was computed from. Times are in UTC."""

    table: str
    date: str
    rows: int
    columns: list[list[str]]
    checksum: str
    version: str
    inputs: list[Input]
    code_revision: str
    run_id: str
    published_at: str
    history_start: str | None = None  # the first date with logs when the cumulative values were computed
    parameters: dict[str, int] = field(default_factory=dict)  # the stage's settings that affect the content
    rows_in: int | None = None  # raw rows, valid and rejected
    rejects: dict[str, int] = field(default_factory=dict)  # rows by reason
    files: list[list[Any]] | None = None  # name and bytes of each data file
    scored_by: dict[str, str] | None = None  # the run: the name of its folder, the hash of its configuration

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @staticmethod
    def from_json(text: str) -> "Manifest":
        """Read what `to_json` wrote. Raises ValueError if the text is not the manifest of a partition."""
        values = json.loads(text)
        try:
            manifest = Manifest(**{**values, "inputs": [_input(source) for source in values["inputs"]]})
        except (TypeError, KeyError) as error:
            raise ValueError(f"its fields do not fit a manifest ({error})") from error
        if wrong := [name for name, is_valid in _validity(manifest).items() if not is_valid]:
            raise ValueError(", ".join(f"{name} is {getattr(manifest, name)!r}" for name in wrong))
        return manifest


def partition_version(columns: list[list[str]], rows: int, checksum: str) -> str:
    """Return a hash of the schema and the content. The same content has the same version on every run and machine."""
    return sha256(json.dumps([columns, rows, checksum]).encode()).hexdigest()[:16]


def _validity(read: Manifest) -> dict[str, bool]:
    """Return for each field, by name, whether its value is valid. isinstance would take JSON's true for a number."""
    return {
        "rows": type(read.rows) is int and read.rows >= 0,
        "columns": type(read.columns) is list,
        "version": type(read.version) is str and read.version != "",
        "inputs": all(
            type(source.table) is str
            and source.table in TABLES
            and (source.date != read.date or source.table != read.table)  # else freshness would ask for itself
            and (not isinstance(source, RawInput) or all(map(_is_raw_file, source.files)))
            for source in read.inputs
        ),
        "history_start": read.history_start is None or type(read.history_start) is str,
        "parameters": _are_numbers(read.parameters),
        "rows_in": read.rows_in is None or type(read.rows_in) is int,
        "rejects": _are_numbers(read.rejects),
        "scored_by": read.scored_by is None or type(read.scored_by) is dict,
        "files": read.files is None or (type(read.files) is list and all(map(_is_file, read.files))),
    }


def _input(source: dict[str, Any]) -> Input:
    """Read one input. Older manifests do not list the `files` of raw inputs."""
    if "files" not in source:
        return Input(**source)
    return RawInput(**{**source, "files": tuple(RawFile(*file) for file in source["files"])})


def _are_numbers(value: Any) -> bool:
    return type(value) is dict and all(type(number) is int for number in value.values())


def _is_raw_file(file: RawFile) -> bool:
    return [*map(type, file)] == [str, int, str, str]


def _is_file(value: Any) -> bool:
    return type(value) is list and [*map(type, value)] == [str, int]
