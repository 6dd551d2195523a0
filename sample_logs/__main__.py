"""Write sample logs in AntM2C format from a known click model, and the true click probabilities beside them."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from sample_logs.settings import PRESETS, Settings
from sample_logs.writing import Writer
from warehouse.catalog import Catalog
from warehouse.errors import StorageError, WarehouseError
from warehouse.settings import read_settings


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_logs", description=__doc__)
    parser.add_argument("--warehouse", help="root URI of all tables (default: ANTM2C_WAREHOUSE)")
    parser.add_argument("--dataset", help="suffix of every table (default: ANTM2C_DATASET)")
    parser.add_argument("--preset", default="demo", choices=PRESETS, help="size of the logs (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=7, help="random seed: it determines users, items and clicks (%(default)s)"
    )
    parser.add_argument("--rows", type=int, help="total number of rows of all dates, instead of the preset's")
    parser.add_argument("--days", type=int, help="number of dates, instead of the preset's")
    parser.add_argument("--start-date", help="first date, as YYYY-MM-DD, instead of the preset's")
    parser.add_argument(
        "--tastes-change",
        metavar="DATE",
        help="from this date on, users like other topics, as YYYY-MM-DD (never); the dates before it stay the same",
    )
    return parser


def chosen_settings(arguments: argparse.Namespace) -> Settings:
    """Return the preset as changed by the arguments. Raises ValueError if the settings are impossible."""
    settings = PRESETS[arguments.preset]
    if arguments.rows is not None:
        settings = settings.resized(arguments.rows, settings.days if arguments.days is None else arguments.days)
    elif arguments.days is not None:
        settings = settings.resized(settings.rows, arguments.days)
    settings = replace(settings, seed=arguments.seed, start_date=arguments.start_date or settings.start_date)
    return replace(settings, tastes_change=arguments.tastes_change)


def write_all(catalog: Catalog, settings: Settings) -> str:
    """Write every date, with a line for each. Returns a summary. Raises OSError if a date cannot be written."""
    started = time.monotonic()
    writer = Writer(catalog, settings)
    written = unchanged = 0
    for day, date in enumerate(settings.dates):
        rows = writer.write(day)
        written += rows
        unchanged += rows == 0
        print(f"{date}: {rows} rows" if rows else f"{date}: unchanged", flush=True)
    if others := writer.other_dates():
        print(
            f"raw_{catalog.dataset} has {len(others)} dates that are not from these logs: {others[0]} .. {others[-1]}"
        )
    seconds = time.monotonic() - started
    speed = f" in {seconds:.1f} s, {written / seconds:,.0f} rows/s" if written else ""
    return f"raw_{catalog.dataset}: {written} rows written{speed}; {unchanged} of {settings.days} dates unchanged"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line. The exit status is 2 if the arguments are impossible, and 1 for any other error."""
    parser = argument_parser()
    arguments = parser.parse_args(argv)
    try:
        defaults = read_settings()
    except WarehouseError as error:
        sys.exit(f"error: {error}")
    try:
        settings = chosen_settings(arguments)
        catalog = Catalog(arguments.warehouse or defaults.warehouse, arguments.dataset or defaults.dataset)
    except StorageError as error:
        sys.exit(f"error: {error}")
    except ValueError as error:
        parser.error(str(error))
    try:
        print(write_all(catalog, settings))
    except (OSError, WarehouseError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
