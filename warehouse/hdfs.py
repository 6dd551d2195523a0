"""HDFS without Java: the file system of the package hdfs-native, with readable errors."""

import ctypes
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import hdfs_native.fsspec

from warehouse.errors import StorageError, WarehouseError, first_line

_CONNECT_SECONDS = 10
_AUTHORITY = re.compile(r"hdfs://[^/]*")
# RPCError("java.lang.SomeException", "what happened\\n\\tat ...") or OtherError("what happened: [...]").
_CLIENT_ERROR = re.compile(r'\w+\("(?:(?P<java>[\w.$]+)", ")?(?P<message>.*?)(?:\\n|: \[|"\))')


class HdfsFileSystem(hdfs_native.fsspec.HdfsFileSystem):
    """HDFS for fsspec. Raises StorageError, FileNotFoundError or FileExistsError, each with a one-line message."""

    def __init__(self, host: str | None = None, port: int | None = None, **options: Any) -> None:
        place = f"hdfs://{host or ''}{f':{port}' if port else ''}"
        with _readable_errors(place):
            super().__init__(host, port, **options)
        # Never freed: in a forked child, that would wait for threads which do not exist there. fsspec keeps it anyway.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.client.inner))
        wrapped: Any = _ReadableErrors(self.client.inner, place)
        self.client.inner = wrapped

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return _AUTHORITY.sub("", path, count=1) or cls.root_marker  # the base class would cut names at # and ?


def open_hdfs(root: str) -> tuple[HdfsFileSystem, str]:
    """Open the file system of an hdfs:// URI. Returns it and the path inside it. Raises WarehouseError."""
    try:
        parts = urlsplit(root)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WarehouseError(f"{root} is not a valid URI: {error}; write hdfs://host:port/path") from error
    if host and port:  # without a port, the name is looked up in HADOOP_CONF_DIR
        _require_reachable(host, port)
    return HdfsFileSystem(host, port), HdfsFileSystem._strip_protocol(root)


def _require_reachable(host: str, port: int) -> None:
    # The client itself would retry for minutes, which is right only if a NameNode restarts in the middle of some work.
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise _unreachable(f"hdfs://{host}:{port}", error) from error


def _unreachable(place: str, error: OSError) -> StorageError:
    return StorageError(
        f"{place} cannot be reached ({error.strerror or error}); check host and port, and that the NameNode is running"
    )


class _ReadableErrors:
    """Wraps the native client, or a file that it opened, and turns its errors into readable ones."""

    def __init__(self, inner: Any, place: str) -> None:
        self._inner, self._place = inner, place

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*arguments: Any) -> Any:
            with _readable_errors(self._place):
                return method(*arguments)

        return call

    def list_status(self, *arguments: Any) -> list[Any]:
        with _readable_errors(self._place):
            return list(self._inner.list_status(*arguments))  # requests are sent during iteration

    def read(self, *arguments: Any) -> Any:
        with _readable_errors(self._place):
            read = self._inner.read(*arguments)
        return read if isinstance(read, bytes) else _ReadableErrors(read, self._place)

    def create(self, *arguments: Any) -> "_ReadableErrors":
        with _readable_errors(self._place):
            return _ReadableErrors(self._inner.create(*arguments), self._place)


@contextmanager
def _readable_errors(place: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, FileExistsError) as error:
        raise type(error)(first_line(error)) from error
    except OSError as error:
        raise _unreachable(place, error) from error
    except RuntimeError as error:
        raise StorageError(f"{place}: {_explained(str(error))}") from error


def _explained(error: str) -> str:
    match = _CLIENT_ERROR.match(error)
    java, message = (match["java"] or "", match["message"].replace('\\"', '"')) if match else ("", error)
    if java.endswith("AccessControlException"):
        return f"{message}; ask an administrator for this permission, or set HADOOP_USER_NAME to a user who has it"
    if java.endswith("SafeModeException"):
        return "the NameNode is in safe mode and allows no changes; wait until it leaves safe mode, then try again"
    if "No NameNode hosts" in message or "fs.defaultFS" in message:
        return f"{message}; write hdfs://host:port/path, or set HADOOP_CONF_DIR"
    return f"{message}; check that the NameNode and the DataNodes are running"
