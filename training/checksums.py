"""The checksums of a folder's files: what was changed or lost since is not taken for what was written."""

import hashlib
from pathlib import Path

CHECKSUMS_FILE = "SHA256SUMS"  # in the form that `sha256sum --check` reads


def write_checksums(folder: Path) -> None:
    """Writes those of all files below the folder into it."""
    checksums = folder / CHECKSUMS_FILE
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != checksums)
    lines = [f"{_checksum(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    checksums.write_text("".join(lines), encoding="utf-8")


def changed_files(folder: Path) -> list[str]:
    """The files that are gone or no longer what they were, CHECKSUMS_FILE itself where it names none. Raises OSError.

    Files that were added later are nobody's business.
    """
    try:
        lines = (folder / CHECKSUMS_FILE).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return [CHECKSUMS_FILE]
    written = [line.partition("  ") for line in lines]
    if not written or not all(name for _, _, name in written):
        return [CHECKSUMS_FILE]
    return [name for checksum, _, name in written if not _is_as_written(folder / name, checksum)]


def _is_as_written(path: Path, checksum: str) -> bool:
    return path.is_file() and _checksum(path) == checksum


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
