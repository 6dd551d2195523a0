"""Features of one date in Redis: three hashes, of the users, the items and the pairs of each user."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from serving.errors import NotReadyError, ServingError
from serving.feature_rows import row_type, unpacked
from serving.pair_counts import PAIR, counts_with
from serving.redis_connection import RedisConnection
from serving.snapshots import Snapshot
from warehouse.tables import FEATURES_ITEM, FEATURES_USER

USER = row_type(FEATURES_USER)
ITEM = np.dtype([("position", "<u4"), ("features", row_type(FEATURES_ITEM))])
MARK = ""  # this field of each hash says that it is still there. No id is empty.
_UNKNOWN_ITEM = np.array([(2**32 - 1, 0)], ITEM).tobytes()


@dataclass(frozen=True)
class StoredSnapshot:
    """A snapshot in Redis. prefix: of the names of its keys."""

    snapshot: Snapshot
    prefix: str

    @property
    def keys(self) -> tuple[str, str, str]:
        """The names of the hashes of users, items and pairs."""
        return f"{self.prefix}:users", f"{self.prefix}:items", f"{self.prefix}:pairs"


@dataclass(frozen=True)
class RedisStore:
    """A FeatureStore in Redis, which a request asks once."""

    connection: RedisConnection
    stored: StoredSnapshot

    @property
    def as_of(self) -> str:
        return self.stored.snapshot.as_of

    def features(self, user_id: str, item_ids: Sequence[str]) -> dict[str, np.ndarray]:
        user_bytes, item_bytes, pair_bytes = self._read(user_id, item_ids)
        user = np.frombuffer(user_bytes or bytes(USER.itemsize), USER).repeat(len(item_ids))
        items = np.frombuffer(b"".join(value or _UNKNOWN_ITEM for value in item_bytes), ITEM)
        own = np.frombuffer(pair_bytes or b"", PAIR)
        return {**unpacked(user), **unpacked(items["features"]), **counts_with(own, items["position"])}

    def history(self, user_id: str) -> pa.Table:
        raise ServingError(f"the last impressions of {user_id} are not kept in Redis")

    def require_readable(self) -> None:
        self._read(MARK, ())

    def _read(self, user_id: str, item_ids: Sequence[str]) -> tuple[bytes | None, list[bytes | None], bytes | None]:
        """Return the bytes of a user, of items and of the user's pairs, in one round trip. Raises NotReadyError."""
        fields = ((MARK, user_id), (MARK, *item_ids), (MARK, user_id))
        with self.connection.answering(), self.connection.client.pipeline(transaction=False) as pipeline:
            for key, wanted in zip(self.stored.keys, fields, strict=True):
                pipeline.hmget(key, wanted)
            (users_there, user), (items_there, *items), (pairs_there, pairs) = pipeline.execute()
        if None in (users_there, items_there, pairs_there):
            raise NotReadyError(
                f"the features of {self.as_of} are no longer in Redis at {self.connection.name}: they are loaded "
                "again, ask again in a moment"
            )
        return user, items, pairs
