"""Connect to Redis, and say in a sentence what is wrong with it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.errors import NotReadyError, ServingError

_SECONDS = 2  # a request waits no longer for Redis


class RedisConnection:
    """Connections to one Redis server, for several threads. name: its address without password."""

    def __init__(self, url: str) -> None:
        """Raises ServingError if it is no address of a Redis server, or NotReadyError if none answers there."""
        try:
            parts = urlsplit(url)
            if not re.fullmatch(r"/?\d*", parts.path):
                raise ValueError("the number of a database must follow the port")
            self.client = Redis.from_url(
                url,
                socket_timeout=_SECONDS,
                socket_connect_timeout=_SECONDS,
                retry=Retry(NoBackoff(), 1),  # once: connections that a restart has closed are opened again
            )
            self.name = f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}{parts.path}"
        except ValueError:  # its message may contain a part of the password
            raise ServingError(
                "the store is not an address of Redis: write it as redis://:PASSWORD@HOST:PORT/NUMBER, with %2F for / "
                "in the password, %40 for @, %23 for # and %3F for ?"
            ) from None
        with self.answering():
            self.client.ping()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Turn errors of Redis in this block into NotReadyError."""
        try:
            yield
        except RedisError as error:
            raise NotReadyError(
                f"Redis at {self.name} cannot be used ({error}): ask again in a moment, or check the server, the "
                "address and the password"
            ) from error
