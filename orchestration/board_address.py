"""The addresses of the cold-start board, for the server that serves it and the tasks that link to it."""

from pathlib import PurePath
from urllib.parse import urlencode, urlsplit

URL_PREFIX = "/antm2c"  # every path that the board serves begins with this
PAGE = f"{URL_PREFIX}/board"
UI_ROUTE = "cold-start-board"  # Airflow shows the page in its own frame at /plugin/<this>


def address_of(run_folder: str, base_url: str) -> str:
    """The board's path inside the Airflow UI at `base_url`, opened at one run."""
    prefix = urlsplit(base_url).path.rstrip("/")  # not empty if Airflow is served below a path of its host
    return f"{prefix}/plugin/{UI_ROUTE}{prefix}{PAGE}?{urlencode({'run': PurePath(run_folder).name})}"
