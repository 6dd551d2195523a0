"""File operations on any URI that fsspec knows."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from warehouse.errors import WarehouseError


class Storage:
    """One file system, addressed by full URIs below `root`. Raises WarehouseError where none is known for it."""

    def __init__(self, root: str) -> None:
        if not root or (root.startswith("file://") and not root.startswith("file:///")):
            raise WarehouseError(f"warehouse {root!r}: write a path, or a URI such as file:///data")
        try:
            self._filesystem, path = fsspec.core.url_to_fs(root)
        except (ImportError, ValueError) as error:
            raise WarehouseError(f"warehouse {root!r}: {error}; write a path, or a URI such as file:///data") from error
        self._root_path = path.rstrip("/")
        # As it was given, for Spark: fsspec's own way back would lose the host of hdfs://host:port/path.
        self.root = root.rstrip("/") if "://" in root else self._filesystem.unstrip_protocol(self._root_path)

    @property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        """The fsspec file system, for readers such as pyarrow.dataset."""
        return self._filesystem

    def path(self, *parts: str) -> str:
        """The path inside the file system (without a scheme) of something below the root."""
        return "/".join((self._root_path, *parts))

    def uri(self, *parts: str) -> str:
        """The URI of something below the root, as Spark reads it."""
        return "/".join((self.root, *parts))

    def uri_of(self, path: str) -> str:
        """The URI of a path inside the file system that lies below the root."""
        return self.root + path.removeprefix(self._root_path)

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there now."""
        self._filesystem.invalidate_cache()
        return self._filesystem.exists(path)

    def folders(self, path: str) -> list[str]:
        """Names of the folders directly below `path`, sorted; none where `path` is absent."""
        return sorted(
            entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in self._list(path) if self._is_folder(entry)
        )

    def files(self, path: str) -> list[dict]:
        """Visible data files below `path` at any depth, sorted: fsspec's entries with name, size and mtime."""
        return sorted(self._walk(path), key=lambda entry: entry["name"])

    def _walk(self, path: str) -> Iterator[dict]:
        for entry in self._list(path):
            if entry["name"].rstrip("/").rsplit("/", 1)[-1].startswith((".", "_")):
                continue
            if self._is_folder(entry):
                yield from self._walk(entry["name"])
            else:
                yield entry

    def _is_folder(self, entry: dict) -> bool:
        return entry["type"] == "directory" or (bool(entry.get("islink")) and self._filesystem.isdir(entry["name"]))

    def _list(self, path: str) -> list[dict]:
        self._filesystem.invalidate_cache()
        try:
            return self._filesystem.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read_text(self, path: str) -> str:
        """A small text file. Raises FileNotFoundError."""
        with self._filesystem.open(path, "rb") as file:
            return file.read().decode("utf-8")

    def write_text(self, path: str, text: str) -> None:
        """Writes a small text file, making its folder."""
        self._filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        with self._filesystem.open(path, "wb") as file:
            file.write(text.encode("utf-8"))

    def make_folder(self, path: str) -> None:
        """Makes a folder and those above it."""
        self._filesystem.makedirs(path, exist_ok=True)

    def rename_folder(self, source: str, target: str) -> None:
        """Moves a folder in one step. Raises OSError where the source is gone or the target is there already."""
        self.make_folder(target.rsplit("/", 1)[0])
        if isinstance(self._filesystem, LocalFileSystem):
            Path(source).rename(target)  # fsspec's own mv would move *into* an existing target
            return
        if self.exists(target):
            raise FileExistsError(target)
        self._filesystem.mv(source, target, recursive=True)

    def remove(self, path: str) -> None:
        """Removes a file or a folder with all below it; nothing where it is absent."""
        if self.exists(path):
            self._filesystem.rm(path, recursive=True)
