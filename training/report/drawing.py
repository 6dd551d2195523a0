"""What all pictures of the page share: colours, sizes and the way to one SVG element."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, GRID, ACCENT, BEST = "#1e293b", "#64748b", "#e2e8f0", "#2563eb", "#d97706"
FULL = 10.3  # inches: as wide as the page's sections
DOTTED = (0, (2, 3))
_PIXELS_A_POINT = 1.4  # the same for all pictures, so that their letters are of one size
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "svg.fonttype": "path",  # looks the same wherever it is opened
}


def picture(name: str, width: float, height: float, draw: Callable[[Figure], None]) -> str:
    """What `draw` puts on a figure of this size in inches, as an <svg> element; `name` sets its ids apart."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        text = io.StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    return _embedded(text.getvalue(), round(width * 72 * _PIXELS_A_POINT))


def plain(*all_axes: Any, grid: str) -> None:
    """No frames and no ticks; the first of the axes gets a grid along `grid`: x, y or both."""
    for axes in all_axes:
        frameless(axes)
    all_axes[0].grid(axis=grid, color=GRID, linewidth=0.8)
    all_axes[0].set_axisbelow(True)


def letters_once(html: str) -> str:
    """The page, every letter's shape kept where it comes first: pictures may use each other's, and ids are unique."""
    known: set[str] = set()

    def first_alone(shape: re.Match[str]) -> str:
        new = shape[1] not in known
        known.add(shape[1])
        return shape[0] if new else ""

    return re.sub(r'<path id="(DejaVuSans-[^"]+)"[^>]*/>\n', first_alone, html)


def frameless(axes: Any) -> None:
    """No frame and no ticks."""
    axes.tick_params(length=0, pad=5)
    axes.spines[:].set_visible(False)


def _embedded(document: str, width: int) -> str:
    """The <svg> element of a document, `width` pixels wide, without what means nothing inside of a page."""
    element = document[document.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, count=1, flags=re.DOTALL)
    element = re.sub(r'<g id="[^"]*"', "<g", element)  # every picture has the same
    element = re.sub(r"\n\s+", "\n", element)
    head, body = element.split(">", 1)
    head = re.sub(r' (xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    return f'{head} width="{width}">{body}'
