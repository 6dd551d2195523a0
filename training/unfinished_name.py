"""Temporary names for files and folders that are renamed once they are complete."""

from pathlib import Path
from uuid import uuid4


def unfinished_name(path: Path) -> Path:
    """Return a hidden path in the same folder as `path`. It is random: process ids are not unique across containers."""
    return path.with_name(f".{path.name}-{uuid4().hex}")
