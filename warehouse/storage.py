"""File operations on any URI that fsspec knows."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from warehouse.errors import WarehouseError
from warehouse.hdfs import HdfsFileSystem, open_hdfs

_NO_SLASHES = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)")  # hdfs:/data would be a local folder of that name


class Storage:
    """One file system, addressed by full URIs below `root`. Raises WarehouseError where none is known for it."""

    def __init__(self, root: str) -> None:
        _, _, below = root.partition("://")
        odd = {"", ".", ".."} & {*below.rstrip("/").split("/")[1:]}  # Spark and fsspec make different paths of them
        if not root or odd or _NO_SLASHES.match(root) or (root.startswith("file://") and not below.startswith("/")):
            raise WarehouseError(
                f"warehouse {root!r}: write a path, or a URI such as file:///data or hdfs://host:port/data, "
                "without . or .. or empty parts in its path"
            )
        self._given = root
        self._filesystem: fsspec.AbstractFileSystem
        path = self._open()
        self._root_path = path.rstrip("/")
        # As it was given, for Spark: fsspec's own way back would lose the host of hdfs://host:port/path.
        self.root = root.rstrip("/") if "://" in root else self._filesystem.unstrip_protocol(self._root_path)

    @property
    def filesystem(self) -> fsspec.AbstractFileSystem:
        """The fsspec file system, for readers such as pyarrow.dataset."""
        if self._process != os.getpid():  # a client of HDFS would hang after a fork
            self._open()
        return self._filesystem

    def _open(self) -> str:
        self._process = os.getpid()
        try:
            # fsspec itself would take hdfs:// to a library of Hadoop's that no wheel carries.
            opened = open_hdfs if self._given.startswith("hdfs://") else fsspec.core.url_to_fs
            self._filesystem, path = opened(self._given)
        except WarehouseError:
            raise
        except (ImportError, ValueError, RuntimeError) as error:  # RuntimeError: of hdfs-native, which takes viewfs too
            raise WarehouseError(
                f"warehouse {self._given!r}: {error}; write a path, or a URI such as file:///data"
            ) from error
        return path

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
        self.filesystem.invalidate_cache()
        return self.filesystem.exists(path)

    def folders(self, path: str) -> list[str]:
        """Names of the folders directly below `path`, sorted; none where `path` is absent."""
        return sorted(
            entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in self._list(path) if self._is_folder(entry)
        )

    def files(self, path: str) -> list[dict]:
        """Visible data files below `path` at any depth, sorted: fsspec's entries with name and size."""
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
        return entry["type"] == "directory" or (bool(entry.get("islink")) and self.filesystem.isdir(entry["name"]))

    def _list(self, path: str) -> list[dict]:
        self.filesystem.invalidate_cache()
        try:
            return self.filesystem.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read_text(self, path: str) -> str:
        """A small text file. Raises FileNotFoundError."""
        with self.filesystem.open(path, "rb") as file:
            return file.read().decode("utf-8")

    def write_text(self, path: str, text: str) -> None:
        """Writes a small text file, making its folder."""
        self.filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        with self.filesystem.open(path, "wb") as file:
            file.write(text.encode("utf-8"))

    def make_folder(self, path: str) -> None:
        """Makes a folder and those above it."""
        self.filesystem.makedirs(path, exist_ok=True)

    def rename_folder(self, source: str, target: str) -> None:
        """Moves a folder in one step. Raises OSError where the source is gone or the target is there already."""
        self.make_folder(target.rsplit("/", 1)[0])
        if isinstance(self.filesystem, LocalFileSystem):
            Path(source).rename(target)  # fsspec's own mv would move *into* an existing target
            return
        if not isinstance(self.filesystem, HdfsFileSystem) and self.exists(target):  # HDFS itself refuses one
            raise FileExistsError(target)
        self.filesystem.mv(source, target, recursive=True)

    def remove(self, path: str) -> None:
        """Removes a file or a folder with all below it; nothing where it is absent."""
        if self.exists(path):
            with suppress(FileNotFoundError):  # another has begun to remove it as well
                self.filesystem.rm(path, recursive=True)
