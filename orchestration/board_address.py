"""Where the board is, for the server that shows it and for the tasks that link to it."""

from pathlib import PurePath
from urllib.parse import urlencode, urlsplit

URL_PREFIX = "/antm2c"  # of everything the board serves
PAGE = f"{URL_PREFIX}/board"
UI_ROUTE = "cold-start-board"  # the page inside Airflow's own frame: /plugin/<this>


def address_of(run_folder: str, base_url: str) -> str:
    """The board inside the Airflow UI at `base_url`, opened at one run: a path on the same host."""
    below = urlsplit(base_url).path.rstrip("/")  # of an Airflow that is served below a path of its host
    return f"{below}/plugin/{UI_ROUTE}{below}{PAGE}?{urlencode({'run': PurePath(run_folder).name})}"
