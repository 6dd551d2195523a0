"""File operations on any file system that fsspec supports."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from warehouse.errors import WarehouseError
from warehouse.hdfs import HdfsFileSystem, open_hdfs

_NO_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)")  # hdfs:/data would be taken for a local folder


class Storage:
    """The file system under the URI `root`. Raises WarehouseError if the URI is malformed or its scheme is unknown."""

    def __init__(self, root: str) -> None:
        _, _, below = root.partition("://")
        odd = {"", ".", ".."} & {*below.rstrip("/").split("/")[1:]}  # Spark and fsspec resolve them differently
        if not root or odd or _NO_SLASHES.match(root) or (root.startswith("file://") and not below.startswith("/")):
            raise WarehouseError(
                f"{root!r} cannot be a warehouse: write a path, or a URI such as file:///data or "
                "hdfs://host:port/data, whose path has no ., .. or empty parts"
            )
        self._given = root
        self._filesystem: fsspec.AbstractFileSystem
        path = self._open()
        self._root_path = path.rstrip("/")
        # Spark gets the URI as given: converting the path back would lose the host of hdfs://host:port/path.
        self.root = root.rstrip("/") if "://" in root else self._filesystem.unstrip_protocol(self._root_path)

    @property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        """The fsspec file system, for readers such as pyarrow.dataset."""
        if self._process != os.getpid():  # after a fork, the parent's HDFS client would hang
            self._open()
        return self._filesystem

    def _open(self) -> str:
        self._process = os.getpid()
        try:
            # For hdfs://, fsspec itself would need Hadoop's C library, which no wheel contains.
            opened = open_hdfs if self._given.startswith("hdfs://") else fsspec.core.url_to_fs
            self._filesystem, path = opened(self._given)
        except WarehouseError:
            raise
        except (
            ImportError,
            ValueError,
            RuntimeError,
        ) as error:  # RuntimeError: hdfs-native handles viewfs, and raises it
            raise WarehouseError(
                f"the warehouse {self._given!r} cannot be opened: {error}; write a path, or a URI such as file:///data"
            ) from error
        return path

    def path(self, *parts: str) -> str:
        """Join parts to a path under the root, without a scheme, for fsspec."""
        return "/".join((self._root_path, *parts))

    def uri(self, *parts: str) -> str:
        """Join parts to a URI under the root, for Spark."""
        return "/".join((self.root, *parts))

    def uri_of(self, path: str) -> str:
        """Turn a path under the root into its URI."""
        return self.root + path.removeprefix(self._root_path)

    def exists(self, path: str) -> bool:
        self.filesystem.invalidate_cache()
        return self.filesystem.exists(path)

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders directly in `path`, sorted; none if `path` does not exist."""
        return sorted(
            entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in self.entries(path) if self._is_folder(entry)
        )

    def files(self, path: str) -> list[dict]:
        """Return the files under `path` at any depth, without hidden ones, as fsspec entries, sorted by name."""
        return sorted(self._walk(path), key=lambda entry: entry["name"])

    def file(self, path: str) -> dict | None:
        """Return the fsspec entry of a file, or None if it does not exist."""
        self.filesystem.invalidate_cache()
        try:
            return self._followed(self.filesystem.info(path))
        except FileNotFoundError:
            return None

    def _walk(self, path: str) -> Iterator[dict]:
        for entry in self.entries(path):
            if entry["name"].rstrip("/").rsplit("/", 1)[-1].startswith((".", "_")):
                continue
            if self._is_folder(entry):
                yield from self._walk(entry["name"])
            else:
                yield self._followed(entry)

    def _followed(self, entry: dict) -> dict:
        """Give a symbolic link the modification time of its target: fsspec reports that of the link itself."""
        if not entry.get("islink"):
            return entry
        with suppress(OSError):  # a link that leads nowhere
            return {**entry, "mtime": Path(entry["name"]).stat().st_mtime}
        return entry

    def _is_folder(self, entry: dict) -> bool:
        return entry["type"] == "directory" or (bool(entry.get("islink")) and self.filesystem.isdir(entry["name"]))

    def entries(self, path: str) -> list[dict]:
        """List what is directly in `path` as fsspec entries. The list is empty if `path` does not exist."""
        self.filesystem.invalidate_cache()
        try:
            return self.filesystem.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read_text(self, path: str) -> str:
        """Read a small text file. Raises FileNotFoundError."""
        with self.filesystem.open(path, "rb") as file:
            return file.read().decode("utf-8")

    def write_text(self, path: str, text: str) -> None:
        """Write a small text file, and create its folder if needed."""
        self.filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        with self.filesystem.open(path, "wb") as file:
            file.write(text.encode("utf-8"))

    def make_folder(self, path: str) -> None:
        self.filesystem.makedirs(path, exist_ok=True)

    def rename_folder(self, source: str, target: str) -> None:
        """Move a folder in one step. Raises OSError if the source does not exist, or the target already does."""
        self.make_folder(target.rsplit("/", 1)[0])
        if isinstance(self.filesystem, LocalFileSystem):
            Path(source).rename(target)  # fsspec's own mv would move *into* an existing target
            return
        if not isinstance(self.filesystem, HdfsFileSystem) and self.exists(target):  # HDFS refuses by itself
            raise FileExistsError(f"{target} already exists")
        self.filesystem.mv(source, target, recursive=True)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with everything in it, if it exists."""
        if self.exists(path):
            with suppress(FileNotFoundError):  # another process is removing it too
                self.filesystem.rm(path, recursive=True)
