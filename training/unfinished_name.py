"""Names for files and folders that are written aside and renamed when they are complete."""

from pathlib import Path
from uuid import uuid4


def unfinished_name(path: Path) -> Path:
    """Return a hidden path beside `path`. It is random, as process ids repeat in containers and between machines."""
    return path.with_name(f".{path.name}-{uuid4().hex}")
