"""Which snapshot in Redis is the current one, and how a newer one takes its place."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from threading import Event, Thread

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from serving.errors import ServingError
from serving.memory_store import MemoryStore
from serving.pair_counts import PAIR
from serving.redis_connection import RedisConnection
from serving.redis_store import ITEM, MARK, USER, StoredSnapshot
from serving.snapshots import Snapshot

OLD_SECONDS = 600  # how long an old snapshot stays: until all endpoints have looked for the newer one
_UNFINISHED_SECONDS = 600  # how long one stays whose loader was killed
_LOCK_SECONDS = 30  # after which another process loads, if the one that loads was killed
_AT_ONCE = 1_000  # rows in one command: others wait meanwhile
_LAYOUT = sha256(repr([kind.descr for kind in (USER, ITEM, PAIR)]).encode()).hexdigest()[:12]


class RedisSnapshots:
    """The snapshots of one dataset in Redis."""

    def __init__(self, connection: RedisConnection, dataset: str) -> None:
        self._connection, self._client = connection, connection.client
        self._root = f"antm2c:{dataset}"
        self._pointer, self._lock = f"{self._root}:current", f"{self._root}:loading"

    def current(self) -> StoredSnapshot | None:
        """Return the snapshot that answers now, or None if there is none that is whole and that this code can read."""
        with self._connection.answering():
            stored, layout = self._pointed_at()
            is_whole = stored and self._is_whole(stored)
        return stored if is_whole and layout == _LAYOUT else None

    def _is_whole(self, stored: StoredSnapshot) -> bool:
        return all(self._client.hexists(key, MARK) for key in stored.keys)

    def _pointed_at(self) -> tuple[StoredSnapshot | None, str]:
        told = json.loads(self._client.get(self._pointer) or "{}")
        if not told:
            return None, ""
        snapshot = Snapshot(told["as_of"], tuple(told["publications"]))
        return StoredSnapshot(snapshot, told["prefix"]), told["layout"]

    @property
    def is_loading(self) -> bool:
        """Whether some process loads a snapshot now."""
        with self._connection.answering():
            return bool(self._client.exists(self._lock))

    @contextmanager
    def loading(self) -> Iterator[Lock]:
        """Let no other process load a snapshot during this block. Raises ServingError if one does already."""
        lock = Lock(self._client, self._lock, timeout=_LOCK_SECONDS, blocking=False, thread_local=False)
        with self._connection.answering():
            if not lock.acquire():
                raise ServingError("another process is loading features into Redis: wait for it")
        ended = Event()

        def renew() -> None:
            while not ended.wait(_LOCK_SECONDS / 3):
                with suppress(RedisError):  # if the lock is lost, `swap` tells
                    lock.reacquire()

        thread = Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield lock
        finally:
            ended.set()
            thread.join()
            with suppress(RedisError):  # it ends by itself
                lock.release()

    def write(self, snapshot: Snapshot, store: MemoryStore) -> StoredSnapshot:
        """Write a snapshot under names of its own. It does not answer yet, and is gone soon if it never does."""
        version = sha256("\n".join(snapshot.publications).encode()).hexdigest()[:12]
        stored = StoredSnapshot(snapshot, f"{self._root}:{snapshot.as_of}:{version}:{secrets.token_hex(4)}")
        users, items, pairs = store.users, store.items, store.pairs
        item_rows = np.empty(len(items), ITEM)
        item_rows["position"], item_rows["features"] = np.arange(len(items)), items.rows
        contents = (
            (users.ids, _cut(users.rows, np.arange(len(users) + 1))),
            (items.ids, _cut(item_rows, np.arange(len(items) + 1))),
            (users.ids, _cut(pairs.rows, pairs.first)),
        )
        with self._connection.answering():
            # Marks are written only here, so a hash that Redis loses on the way has none, even if more rows follow.
            self._write_rows(stored, {key: {MARK: ""} for key in stored.keys})
            for key, (ids, values) in zip(stored.keys, contents, strict=True):
                is_there = pc.greater(pc.binary_length(values), 0)
                ids, values = ids.filter(is_there), values.filter(is_there)
                for start in range(0, len(ids), _AT_ONCE):
                    names, rows = (part.slice(start, _AT_ONCE).to_pylist() for part in (ids, values))
                    self._write_rows(stored, {key: dict(zip(names, rows, strict=True))})
        return stored

    def _write_rows(self, stored: StoredSnapshot, rows: Mapping[str, Mapping]) -> None:
        """Write rows of some hashes of a snapshot, and let all of its hashes stay for a while from now."""
        with self._client.pipeline(transaction=False) as pipeline:
            for key, fields in rows.items():
                pipeline.hset(key, mapping=fields)
            for key in stored.keys:
                pipeline.expire(key, _UNFINISHED_SECONDS)
            pipeline.execute()

    def swap(self, stored: StoredSnapshot, lock: Lock) -> None:
        """Let a snapshot that was written answer from now on.

        Raises ServingError if another process may load, or if Redis has lost a part of the snapshot.
        """
        told = {"as_of": stored.snapshot.as_of, "publications": stored.snapshot.publications}
        pointer = json.dumps({**told, "prefix": stored.prefix, "layout": _LAYOUT})
        with self._connection.answering():
            old, _ = self._pointed_at()
            try:
                lock.reacquire()
            except LockError as error:
                raise ServingError("loading took too long, or Redis was restarted: load again") from error
            if not self._is_whole(stored):
                raise ServingError(
                    f"Redis at {self._connection.name} has lost a part of the features of {stored.snapshot.as_of} "
                    "while they were loaded: give it more memory if it is full, and load again"
                )
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.set(self._pointer, pointer)
                for key in stored.keys:
                    pipeline.persist(key)
                for key in old.keys if old else ():
                    pipeline.expire(key, OLD_SECONDS)
                pipeline.execute()


def _cut(rows: np.ndarray, places: np.ndarray) -> pa.Array:
    """Return the bytes of the rows from each place to the next one. places: [n + 1]."""
    offsets = pa.py_buffer(places.astype(np.int64) * rows.itemsize)
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(places) - 1, [None, offsets, pa.py_buffer(rows)])
