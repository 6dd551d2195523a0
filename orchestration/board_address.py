"""The addresses of the cold-start board: where it is served, and how tasks link to it."""

from pathlib import PurePath
from urllib.parse import urlencode, urlsplit

URL_PREFIX = "/antm2c"  # every path that the board serves begins with this
PAGE = f"{URL_PREFIX}/board"
UI_ROUTE = "cold-start-board"  # Airflow shows the page in its own frame at /plugin/<this>


def address_of(run_folder: str, base_url: str) -> str:
    """Return a link to one run on the board inside the Airflow UI. base_url: that of the UI."""
    prefix = urlsplit(base_url).path.rstrip("/")  # not empty if Airflow is served below a path of its host
    return f"{prefix}/plugin/{UI_ROUTE}{prefix}{PAGE}?{urlencode({'run': PurePath(run_folder).name})}"
