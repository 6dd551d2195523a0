"""What all charts share: style, sizes, and conversion to an SVG element."""

import io
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from training.report.colours import LIGHT

FULL_WIDTH = 10.3  # inches: the width of the page's sections
DOTTED = (0, (2, 3))
_PIXELS_PER_POINT = 1.4  # the same for all pictures, so that their texts have one size
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": LIGHT.ink,
    "axes.labelcolor": LIGHT.muted,
    "axes.edgecolor": LIGHT.line,
    "xtick.color": LIGHT.muted,
    "ytick.color": LIGHT.ink,
    "svg.fonttype": "none",  # texts stay texts: they can be read aloud, searched and copied
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"


def picture(title: str, width: float, height: float, draw: Callable[[Figure], None]) -> Markup:
    """Draw on a figure of this size in inches, and return it as an <svg> element.

    title: what the chart shows, for screen readers. It must be unique within a page, because ids are derived from it.
    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        document = io.StringIO()
        FigureCanvasSVG(figure).print_svg(document, metadata=_NO_METADATA)
    svg = ElementTree.fromstring(document.getvalue())
    for element in svg.iter():  # HTML knows SVG's names without namespaces
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag == "g":
            element.attrib.pop("id", None)  # matplotlib gives the same ones to each picture
        if _HREF in element.attrib:
            element.set("href", element.attrib.pop(_HREF))
    pixels = round(width * 72 * _PIXELS_PER_POINT)
    svg.attrib = {"viewBox": svg.attrib["viewBox"], "width": str(pixels), "role": "img", "aria-label": title}
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def without_frames(*all_axes: Any, grid: str | None = None) -> None:
    """Hide frames and tick marks. The first of the axes gets a grid along `grid`: x, y or both."""
    for axes in all_axes:
        axes.tick_params(length=0, pad=5)
        axes.spines[:].set_visible(False)
    if grid:
        all_axes[0].grid(axis=grid, color=LIGHT.line, linewidth=0.8)
        all_axes[0].set_axisbelow(True)
