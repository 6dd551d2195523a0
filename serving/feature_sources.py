"""Where an endpoint finds its features: in its own memory, or in Redis."""

from typing import Any, Protocol

from serving.errors import ServingError
from serving.feature_store import FeatureStore
from serving.memory_store import MemoryStore
from serving.own_process import run_apart
from serving.redis_connection import RedisConnection
from serving.redis_snapshots import RedisSnapshots
from serving.redis_store import RedisStore, StoredSnapshot
from serving.snapshots import Snapshot, load_snapshot, newest_snapshot
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError


class FeatureSource(Protocol):
    """Finds and loads features. What it finds is a name that differs from that of older ones."""

    def newest(self, loaded: Any, with_history: bool) -> tuple[Any, str | None]:
        """Return what to load now, and what is wrong with newer ones, or None.

        loaded: what is loaded, or None. with_history: whether the model reads the last impressions of users.
        Raises ServingError or WarehouseError if there is nothing to load.
        """
        ...

    def load(self, found: Any) -> FeatureStore:
        """Load what was found. Raises ServingError or WarehouseError."""
        ...


class MemorySource:
    """Loads features into the memory of this process. as_of: of this date, for a check; None for the newest."""

    def __init__(self, catalog: Catalog, as_of: str | None = None) -> None:
        self._catalog, self._as_of = catalog, as_of

    def newest(self, loaded: Snapshot | None, with_history: bool) -> tuple[Snapshot, str | None]:
        return newest_snapshot(self._catalog, self._as_of, loaded, with_history)

    def load(self, found: Snapshot) -> MemoryStore:
        return load_snapshot(self._catalog, found)


class RedisSource:
    """Reads features from Redis, and lets a process of its own load newer ones if no other endpoint does."""

    def __init__(self, catalog: Catalog, url: str) -> None:
        """Raises ServingError if the URL is wrong, or NotReadyError if no Redis answers there."""
        self._catalog, self._url = catalog, url
        self._connection = RedisConnection(url)
        self._snapshots = RedisSnapshots(self._connection, catalog.dataset)

    def newest(self, loaded: StoredSnapshot | None, with_history: bool) -> tuple[StoredSnapshot, str | None]:
        if with_history:
            raise ServingError(
                "the model reads the last impressions of users, which are not kept in Redis: start the endpoint "
                "without --store, or with another model"
            )
        current = self._snapshots.current()
        if current and current != loaded:  # answer with it at once, and look for newer ones the next time
            return current, None
        try:
            problem = self._bring_up_to_date(current)
        except (ServingError, WarehouseError) as error:
            problem = str(error)
        newest = self._snapshots.current()
        if newest is None:
            raise ServingError(problem or f"there are no features in Redis at {self._connection.name}")
        return newest, problem

    def load(self, found: StoredSnapshot) -> RedisStore:
        return RedisStore(self._connection, found)

    def _bring_up_to_date(self, current: StoredSnapshot | None) -> str | None:
        in_redis = current.snapshot if current else None
        found, problem = newest_snapshot(self._catalog, loaded=in_redis)
        if found == in_redis:
            return problem
        if self._snapshots.is_loading:
            return f"the features of {found.as_of} are being loaded into Redis by another process"
        settings = {"ANTM2C_SERVING_STORE": self._url}
        run_apart(["serving.load"], self._catalog, settings, f"the features of {found.as_of} are not in Redis yet")
        return problem
