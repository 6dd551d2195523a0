"""The manifest that lies inside every published partition."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from warehouse.tables import TABLES

MANIFEST_FILE = "_manifest.json"
# What readers compute with.
_KINDS = {"rows": int, "columns": list, "version": str, "parameters": dict, "rejects": dict}


@dataclass(frozen=True, order=True)
class Input:
    """Something a partition was computed from. `version` is None where it was absent when it was looked for."""

    table: str
    date: str
    version: str | None


@dataclass(frozen=True)
class Manifest:
    """What a published partition holds and what it was computed from. Times are UTC, counts are rows."""

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
    history_start: str | None = None  # the first date there was when a partition of cumulative values was computed
    parameters: dict[str, int] = field(default_factory=dict)  # settings of the stage that shape the content
    rows_in: int | None = None
    rejects: dict[str, int] = field(default_factory=dict)
    files: list[list[Any]] | None = None  # name and bytes of each data file

    def to_json(self) -> str:
        """The manifest as readable JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @staticmethod
    def from_json(text: str) -> "Manifest":
        """The inverse of to_json. Raises ValueError where the text is no manifest."""
        try:
            fields = json.loads(text)
            manifest = Manifest(**{**fields, "inputs": [Input(**entry) for entry in fields["inputs"]]})
            for name, kind in _KINDS.items():
                if not isinstance(getattr(manifest, name), kind):
                    raise TypeError(f"{name} is {getattr(manifest, name)!r}")
            for name in ("rejects", "parameters"):
                if not all(isinstance(number, int) for number in getattr(manifest, name).values()):
                    raise TypeError(f"{name} is {getattr(manifest, name)!r}")
            if not isinstance(manifest.history_start, str | None) or not isinstance(manifest.rows_in, int | None):
                raise TypeError(f"history_start is {manifest.history_start!r}, rows_in {manifest.rows_in!r}")
            if isinstance(manifest.rows, bool) or manifest.rows < 0 or not manifest.version:
                raise TypeError(f"rows is {manifest.rows!r}, version {manifest.version!r}")
            if not all(isinstance(name, str) and isinstance(size, int) for name, size in manifest.files or ()):
                raise TypeError(f"files is {manifest.files!r}")
            for source in manifest.inputs:
                if source.table not in TABLES:
                    raise TypeError(f"its input {source.table!r} is no table")
                if (source.table, source.date) == (manifest.table, manifest.date):
                    raise TypeError("it is an input of its own")
            return manifest
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a partition manifest: {error}") from error


def partition_version(columns: list[list[str]], rows: int, checksum: str) -> str:
    """A hash of schema and content: equal content has an equal version, whenever and wherever it was written."""
    described = json.dumps([columns, rows, checksum]).encode()
    return hashlib.sha256(described).hexdigest()[:16]
