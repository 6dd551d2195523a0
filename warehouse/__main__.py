"""`python -m warehouse status`: show which partitions are fresh, stale, leaky or missing."""

import argparse
import sys
from collections.abc import Sequence

from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.settings import read_settings
from warehouse.status import overview


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. The exit status is 0 only if every partition is fresh."""
    try:
        settings = read_settings()
    except WarehouseError as error:
        sys.exit(f"error: {error}")
    parser = argparse.ArgumentParser(prog="python -m warehouse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="show which partitions are fresh, stale, leaky or missing")
    status.add_argument("--warehouse", default=settings.warehouse, help="root URI of all tables (%(default)s)")
    status.add_argument("--dataset", default=settings.dataset, help="suffix of every table (%(default)s)")
    arguments = parser.parse_args(argv)
    try:
        lines, complete = overview(Catalog(arguments.warehouse, arguments.dataset))
    except (OSError, WarehouseError) as error:
        sys.exit(f"error: {error}")
    print("\n".join(lines))
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()
