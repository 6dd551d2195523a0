"""The page and the files that it loads. All come from this server, so the board works without internet access."""

import gzip
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from training.evaluation.segments import LEVELS
from training.report.colours import DARK, LIGHT, Palette, css_variables, heat_scale
from training.report.words import LEVELS_ARE, OF_THE_BOARD, WORDS

_FOLDER = Path(__file__).parent / "page"


@dataclass(frozen=True)
class Asset:
    """A file as the browser gets it. Its address contains the version, a hash, so browsers may cache it for ever."""

    content: bytes
    media_type: str
    version: str


def _asset(content: bytes, name: str) -> Asset:
    media_type = "text/css" if name.endswith(".css") else "text/javascript"
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])


def _plotly() -> bytes:
    spec = find_spec("plotly")  # found, not imported: only the script inside the package is needed
    if spec is None or spec.origin is None:
        raise ImportError("the board needs the package plotly, which is not installed: install requirements.txt")
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes()


def _constants_js() -> bytes:
    """Return what the scripts share with Python: palettes with their heat scales, levels and explanations."""
    palettes = {"light": _with_heat(LIGHT), "dark": _with_heat(DARK)}
    constants = {"PALETTES": palettes, "LEVELS": LEVELS, "LEVELS_ARE": LEVELS_ARE, "WORDS": {**WORDS, **OF_THE_BOARD}}
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in constants.items()]
    return f'"use strict";\n{"".join(lines)}'.encode()


def _with_heat(palette: Palette) -> dict[str, object]:
    """Add the heat scale: background and text colours, in equal steps from the lowest AUC to the highest."""
    return {**asdict(palette), "heat": [{"ground": ground, "ink": ink} for ground, ink in heat_scale(palette)]}


_FILES = (
    "board.css",
    "server.js",
    "theme.js",
    "plots.js",
    "heat.js",
    "segments.js",
    "freshness.js",
    "watch.js",
    "board.js",
)
_GENERATED = {
    "colours.css": f":root {{\n{css_variables()}}}\n".encode(),
    "constants.js": _constants_js(),
    "plotly.min.js": _plotly(),
}
_CONTENTS = {name: (_FOLDER / name).read_bytes() for name in _FILES} | _GENERATED
ASSETS = {name: _asset(content, name) for name, content in _CONTENTS.items()}


@cache
def compressed(name: str) -> bytes:
    """Compress one of ASSETS with gzip. The result is cached, because compressing plotly takes long."""
    return gzip.compress(ASSETS[name].content, compresslevel=6)


@cache
def page() -> str:
    """Return the HTML page. Its links to scripts and styles contain each file's version."""
    text = (_FOLDER / "board.html").read_text(encoding="utf-8")
    for name, asset in ASSETS.items():
        text = text.replace(f"assets/{name}", f"assets/{name}?v={asset.version}")
    return text
