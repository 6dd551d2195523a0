"""HDFS without Java: hdfs-native's file system, its errors as sentences."""

import ctypes
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import hdfs_native.fsspec

from warehouse.errors import StorageError, WarehouseError

_CONNECT_SECONDS = 10
_AUTHORITY = re.compile(r"hdfs://[^/]*")
# RPCError("java.lang.SomeException", "what happened\\n\\tat ...") or OtherError("what happened: [...]").
_CLIENT_ERROR = re.compile(r'\w+\("(?:(?P<java>[\w.$]+)", ")?(?P<message>.*?)(?:\\n|: \[|"\))')


class HdfsFileSystem(hdfs_native.fsspec.HdfsFileSystem):
    """fsspec's operations. Raises StorageError, FileNotFoundError or FileExistsError, each of one line."""

    def __init__(self, host: str | None = None, port: int | None = None, **options: Any) -> None:
        place = f"hdfs://{host or ''}{f':{port}' if port else ''}"
        with _sentences(place):
            super().__init__(host, port, **options)
        # Never freed: in a forked child that would wait for threads which are not there. fsspec keeps it as well.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.client.inner))
        telling: Any = _Telling(self.client.inner, place)
        self.client.inner = telling

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return _AUTHORITY.sub("", path, count=1) or cls.root_marker  # theirs cuts a name at # and ?


def open_hdfs(root: str) -> tuple[HdfsFileSystem, str]:
    """The file system of an hdfs:// URI, and the path in it. Raises WarehouseError."""
    try:
        parts = urlsplit(root)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WarehouseError(f"{root}: {error}; write hdfs://host:port/path") from error
    if host and port:  # else HADOOP_CONF_DIR says which hosts these are
        _require_reachable(host, port)
    return HdfsFileSystem(host, port), HdfsFileSystem._strip_protocol(root)


def _require_reachable(host: str, port: int) -> None:
    # The client itself would try again for minutes, which suits a NameNode that restarts while work is under way.
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise _unreachable(f"hdfs://{host}:{port}", error) from error


def _unreachable(place: str, error: OSError) -> StorageError:
    return StorageError(
        f"{place} cannot be reached ({error.strerror or error}); check host and port, and that the NameNode runs"
    )


class _Telling:
    """The client's own object, or a file that it opened, with errors as sentences."""

    def __init__(self, inner: Any, place: str) -> None:
        self._inner, self._place = inner, place

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def told(*arguments: Any) -> Any:
            with _sentences(self._place):
                return method(*arguments)

        return told

    def list_status(self, *arguments: Any) -> list[Any]:
        with _sentences(self._place):
            return list(self._inner.list_status(*arguments))  # asks while it is iterated over

    def read(self, *arguments: Any) -> Any:
        with _sentences(self._place):
            read = self._inner.read(*arguments)
        return read if isinstance(read, bytes) else _Telling(read, self._place)

    def create(self, *arguments: Any) -> "_Telling":
        with _sentences(self._place):
            return _Telling(self._inner.create(*arguments), self._place)


@contextmanager
def _sentences(place: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, FileExistsError) as error:
        raise type(error)(str(error).splitlines()[0]) from error
    except OSError as error:
        raise _unreachable(place, error) from error
    except RuntimeError as error:
        raise StorageError(f"{place}: {_sentence(str(error))}") from error


def _sentence(error: str) -> str:
    match = _CLIENT_ERROR.match(error)
    java, message = (match["java"] or "", match["message"].replace('\\"', '"')) if match else ("", error)
    if java.endswith("AccessControlException"):
        return f"{message}; ask for this permission, or set HADOOP_USER_NAME to a user who has it"
    if java.endswith("SafeModeException"):
        return "the NameNode is in safe mode and lets nothing be changed; wait until it has left it, then try again"
    if "No NameNode hosts" in message or "fs.defaultFS" in message:
        return f"{message}; write hdfs://host:port/path, or set HADOOP_CONF_DIR"
    return f"{message}; check that the NameNode and the DataNodes run"
