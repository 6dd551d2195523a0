"""The page and the files that it loads. This server serves all of them, so the board works without the internet."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_FOLDER = Path(__file__).parent / "page"


@dataclass(frozen=True)
class Asset:
    """A file that the browser loads. `version` changes with the content, so browsers may cache the file for ever."""

    path: Path
    media_type: str
    version: str


def _own(name: str, media_type: str) -> Asset:
    path = _FOLDER / name
    return Asset(path, media_type, hashlib.sha256(path.read_bytes()).hexdigest()[:12])


def _plotly() -> Asset:
    spec = find_spec("plotly")  # not imported: only the script inside the package is needed
    if spec is None or spec.origin is None:
        raise ImportError("the board needs the package plotly: run pip install -r requirements.txt")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return Asset(path, "text/javascript", version("plotly"))


_SCRIPTS = ("server.js", "theme.js", "plots.js", "heat.js", "freshness.js", "board.js")
ASSETS = {
    "board.css": _own("board.css", "text/css"),
    **{name: _own(name, "text/javascript") for name in _SCRIPTS},
    "plotly.min.js": _plotly(),
}


@cache
def compressed(name: str) -> bytes:
    """The gzip of one of ASSETS. Kept in memory: compressing plotly costs more than the rest of the page."""
    return gzip.compress(ASSETS[name].path.read_bytes(), compresslevel=6)


@cache
def page() -> str:
    """The HTML of the page, with the version of each file in its address."""
    text = (_FOLDER / "board.html").read_text(encoding="utf-8")
    for name, asset in ASSETS.items():
        text = text.replace(f"assets/{name}", f"assets/{name}?v={asset.version}")
    return text
