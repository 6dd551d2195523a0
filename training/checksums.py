"""Checksums of a folder's files, to detect later changes and losses, and of the code itself."""

import hashlib
from pathlib import Path

CHECKSUMS_FILE = "SHA256SUMS"  # in the format of sha256sum


def write_checksums(folder: Path) -> None:
    """Write the checksums of all files in the folder, at any depth, to the file SHA256SUMS there."""
    checksums = folder / CHECKSUMS_FILE
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != checksums)
    lines = [f"{_checksum(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    checksums.write_text("".join(lines), encoding="utf-8")


def changed_files(folder: Path) -> list[str]:
    """Return the names of files that are missing or changed, but not of files that were added. Raises OSError.

    If SHA256SUMS itself is missing or damaged, returns its name alone.
    """
    try:
        lines = (folder / CHECKSUMS_FILE).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return [CHECKSUMS_FILE]
    entries = [line.partition("  ") for line in lines]
    if not entries or not all(name for _, _, name in entries):
        return [CHECKSUMS_FILE]
    return [name for checksum, _, name in entries if not _is_unchanged(folder / name, checksum)]


def code_checksum() -> str:
    """Return a checksum of the code that affects a run: all Python files in training/ and warehouse/."""
    from warehouse.settings import REPOSITORY  # only here: an export has the rest of this file, but no settings

    files = [file for room in ("training", "warehouse") for file in sorted((REPOSITORY / room).rglob("*.py"))]
    lines = [f"{_checksum(file)}  {file.relative_to(REPOSITORY).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_unchanged(path: Path, checksum: str) -> bool:
    return path.is_file() and _checksum(path) == checksum


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
