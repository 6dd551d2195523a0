"""Where the board is, for the server that shows it and for the tasks that link to it."""

from pathlib import PurePath
from urllib.parse import urlencode

URL_PREFIX = "/antm2c"  # of everything the board serves
PAGE = f"{URL_PREFIX}/board"
UI_ROUTE = "cold-start-board"  # the page inside Airflow's own frame: /plugin/<this>


def address_of(run_folder: str) -> str:
    """The board inside the Airflow UI, opened at one run; below the API server's base URL."""
    return f"/plugin/{UI_ROUTE}{PAGE}?{urlencode({'run': PurePath(run_folder).name})}"
