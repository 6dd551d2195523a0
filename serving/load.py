"""`python -m serving.load`: load the newest features into Redis. Endpoints do this by themselves when they need it."""

import argparse
import sys
from collections.abc import Sequence

from serving.errors import ServingError
from serving.redis_connection import RedisConnection
from serving.redis_snapshots import RedisSnapshots
from serving.snapshots import load_snapshot, newest_snapshot
from training.errors import TrainingError
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.settings import read_settings


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. Exits with a sentence if features cannot be loaded."""
    try:
        settings = read_settings()
        parser = argparse.ArgumentParser(prog="python -m serving.load", description=__doc__)
        parser.add_argument("--warehouse", default=settings.warehouse, help="root URI of all tables (%(default)s)")
        parser.add_argument("--dataset", default=settings.dataset, help="suffix of every table (%(default)s)")
        parser.add_argument("--store", default=settings.serving_store, help="address of Redis (ANTM2C_SERVING_STORE)")
        arguments = parser.parse_args(argv)
        if not arguments.store:
            raise ServingError("there is no store to load into: give --store redis://HOST:PORT/NUMBER")
        catalog = Catalog(arguments.warehouse, arguments.dataset)
        catalog.require_scenes()
        print(load_newest(catalog, RedisConnection(arguments.store)))
    except (ServingError, TrainingError, WarehouseError) as error:
        sys.exit(f"error: {error}")


def load_newest(catalog: Catalog, connection: RedisConnection) -> str:
    """Load the newest fresh features into Redis, and let them answer. Returns a sentence that says which.

    Raises ServingError, also if another process is loading.
    """
    snapshots = RedisSnapshots(connection, catalog.dataset)
    with snapshots.loading() as lock:
        current = snapshots.current()
        found, _ = newest_snapshot(catalog, loaded=current.snapshot if current else None)
        if not current or current.snapshot != found:
            snapshots.swap(snapshots.write(found, load_snapshot(catalog, found)), lock)
    return f"the features of {found.as_of} are in Redis at {connection.name}"


if __name__ == "__main__":
    main()
