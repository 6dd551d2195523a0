"""What all charts share: style, sizes, and conversion to an SVG element."""

import io
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from training.report.colours import DARK, HEAT_STEPS, LIGHT, Palette, heat_scale

FULL_WIDTH = 10.3  # inches: the width of the page's sections
DOTTED = (0, (2, 3))
_PIXELS_PER_POINT = 1.4  # the same for all pictures, so that their texts have one size
_SMALLEST = 0.72  # of its size: on a phone a picture scrolls before its texts become too small

# Pictures are drawn in colours that stand for those of the page, light or dark, and are then replaced.
_NAMES = [name for name in asdict(LIGHT) if name != "models"]
PAINT = Palette(**{name: f"#01{number:04x}" for number, name in enumerate(_NAMES)}, models=())
_HEAT = [(f"#02{step:04x}", f"#03{step:04x}") for step in range(HEAT_STEPS + 1)]
_MEANT = {getattr(PAINT, name): f"var(--{name.replace('_', '-')})" for name in _NAMES} | {
    paint: f"light-dark({light}, {dark})"
    for paints, light_step, dark_step in zip(_HEAT, heat_scale(LIGHT), heat_scale(DARK), strict=True)
    for paint, light, dark in zip(paints, light_step, dark_step, strict=True)
}
_COLOUR = re.compile("#[0-9a-f]{6}")

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": PAINT.ink,
    "axes.labelcolor": PAINT.muted,
    "axes.facecolor": "none",
    "axes.edgecolor": PAINT.line,
    "figure.facecolor": "none",
    "xtick.color": PAINT.muted,
    "ytick.color": PAINT.ink,
    "svg.fonttype": "none",  # texts stay texts: they can be read aloud, searched and copied
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"


def picture(title: str, width: float, height: float, draw: Callable[[Figure], None]) -> Markup:
    """Draw on a figure of this size in inches, and return it as an <svg> element.

    title: what the chart shows, for screen readers. Ids are derived from it and the width, so no two charts of a page
    may share both.
    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"{title} {width}"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        document = io.StringIO()
        FigureCanvasSVG(figure).print_svg(document, metadata=_NO_METADATA)
    svg = ElementTree.fromstring(document.getvalue())
    for element in svg.iter():
        if "style" in element.attrib:
            element.set("style", _COLOUR.sub(lambda found: _MEANT.get(found[0], found[0]), element.attrib["style"]))
        element.tag = element.tag.removeprefix(_SVG)  # HTML knows SVG's names without namespaces
        if element.tag == "g":
            element.attrib.pop("id", None)  # matplotlib gives the same ones to each picture
        if _HREF in element.attrib:
            element.set("href", element.attrib.pop(_HREF))
    pixels = round(width * 72 * _PIXELS_PER_POINT)
    size = {"viewBox": svg.attrib["viewBox"], "width": str(pixels), "style": f"min-width: {_SMALLEST * pixels:.0f}px"}
    svg.attrib = {**size, "role": "img", "aria-label": title}
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def heat_paint(lean: float) -> tuple[str, str]:
    """Return a heat cell's ground and text colour in a picture. lean: as for `heat`."""
    return _HEAT[round((lean + 1) / 2 * HEAT_STEPS)]


def without_frames(*all_axes: Any, grid: str | None = None) -> None:
    """Hide frames and tick marks. The first of the axes gets a grid along `grid`: x, y or both."""
    for axes in all_axes:
        axes.tick_params(length=0, pad=5)
        axes.spines[:].set_visible(False)
    if grid:
        all_axes[0].grid(axis=grid, color=PAINT.line, linewidth=0.8)
        all_axes[0].set_axisbelow(True)
