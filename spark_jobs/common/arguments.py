"""The command line arguments that all stages share."""

import argparse
import sys
from datetime import date
from typing import NoReturn

from spark_jobs.common.terminal import fail, say
from warehouse.calendar_days import days
from warehouse.errors import WarehouseError
from warehouse.settings import read_settings


def iso_date(text: str) -> str:
    """Check that the text is a date written as YYYY-MM-DD, and return it. Raises ArgumentTypeError."""
    try:
        parsed = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as YYYY-MM-DD") from error
    if parsed.isoformat() != text:
        raise argparse.ArgumentTypeError(f"{text!r} is not written as YYYY-MM-DD")
    return text


def whole_number(text: str) -> int:
    """Parse a whole number of 0 or more. Raises ArgumentTypeError."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: write a whole number, 0 or larger")
    return int(text)


class _Parser(argparse.ArgumentParser):
    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            say(message.rstrip())
        sys.exit(status)


def stage_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options of all stages: warehouse, dataset and dates. `dates_of` reads the dates."""
    try:
        settings = read_settings()
    except WarehouseError as error:
        fail(str(error))
    parser = _Parser(description=description, allow_abbrev=False)
    parser.add_argument("--warehouse", default=settings.warehouse, help="root URI of all tables (%(default)s)")
    parser.add_argument("--dataset", default=settings.dataset, help="suffix of every table (%(default)s)")
    parser.add_argument("--date", type=iso_date, help="the date to process")
    parser.add_argument("--start-date", type=iso_date, help="first date of a range, inclusive")
    parser.add_argument("--end-date", type=iso_date, help="last date of a range, inclusive")
    return parser


def dates_of(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    """Return the requested dates, ascending. Exits with an error message if the options contradict each other."""
    single, start, end = arguments.date, arguments.start_date, arguments.end_date
    if single and not (start or end):
        return [single]
    if single or not (start and end):
        parser.error("give either --date, or both --start-date and --end-date")
    if start > end:
        parser.error(f"--start-date {start} is after --end-date {end}")
    return days(start, end)
