"""The pictures of a run, each from plain figures to one SVG element."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from training.evaluation.calibration import wilson_interval

INK, MUTED, GRID, ACCENT, BEST = "#1e293b", "#64748b", "#e2e8f0", "#2563eb", "#d97706"
_ROC_POINTS = 300  # more than the picture can show, few enough for a small page
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "svg.fonttype": "path",  # looks the same wherever it is opened
}


@dataclass(frozen=True)
class AucLine:
    """One line of the AUC picture; `group` starts a new block where it changes."""

    group: str
    label: str
    rows: int
    auc: float | None
    low: float | None
    high: float | None
    best: float | None


def auc_by_segment(lines: Sequence[AucLine]) -> str:
    """AUC with its 95% interval, a line a segment, and a mark at the best reachable AUC where that is known."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": "auc"}):
        places, at = [], 0.0
        for number, line in enumerate(lines):
            at += 1.0 if not number or line.group == lines[number - 1].group else 1.5
            places.append(at)
        figure = Figure(figsize=(7.6, 0.29 * at + 0.75), layout="constrained")
        axes = figure.subplots()
        for place, line in zip(places, lines, strict=True):
            _auc_line(axes, place, line)
        axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.set_yticks(places, [line.label for line in lines])
        axes.set_ylim(at + 0.7, 0.3)
        axes.set_xlim(*_auc_range(lines))
        axes.set_xlabel("AUC, 95% interval")
        rows = axes.secondary_yaxis("right")
        rows.set_yticks(places, [f"{line.rows:,} rows" for line in lines], color=MUTED)
        _plain(axes, rows, grid="x")
        return _svg(figure)


def roc(labels: np.ndarray, scores: np.ndarray) -> str:
    """The ROC curve of scores [n]; labels [n] hold both classes."""
    order = np.argsort(-scores, kind="stable")
    scores, clicked = scores[order], labels[order].astype(bool)
    last_of_value = np.append(scores[1:] != scores[:-1], True)  # between ties there is no threshold
    hits = np.append(0, np.cumsum(clicked)[last_of_value]) / clicked.sum()
    false_alarms = np.append(0, np.cumsum(~clicked)[last_of_value]) / (~clicked).sum()
    shown = np.unique(np.linspace(0, len(hits) - 1, _ROC_POINTS).round().astype(int))
    with mpl.rc_context({**_STYLE, "svg.hashsalt": "roc"}):
        figure, axes = _square("share of unclicked rows above the threshold", "share of clicked rows above it")
        axes.fill_between(false_alarms[shown], hits[shown], color=ACCENT, alpha=0.08, linewidth=0)
        axes.plot(false_alarms[shown], hits[shown], color=ACCENT, linewidth=1.6)
        return _svg(figure)


def reliability(bins: Sequence[dict[str, Any]]) -> str:
    """Observed against predicted click rate: a dot and a 95% interval a bin, the dot's area by its share of rows.

    bins: those of val_metrics. Of few rows it is wide.
    """
    rows, predicted, observed = (np.array([b[name] for b in bins]) for name in ("rows", "predicted", "observed"))
    with mpl.rc_context({**_STYLE, "svg.hashsalt": "reliability"}):
        figure, axes = _square("predicted click rate", "observed click rate")
        axes.vlines(predicted, *wilson_interval(observed, rows), color=ACCENT, linewidth=1.6, alpha=0.45)
        areas = 12 + 400 * rows / rows.sum()
        axes.scatter(predicted, observed, s=areas, color=ACCENT, edgecolor="white", linewidth=0.8, zorder=3)
        return _svg(figure)


def _auc_line(axes: Axes, place: float, line: AucLine) -> None:
    if line.auc is None:
        axes.text(0.505, place, "one class only" if line.rows else "no rows", color=MUTED, va="center", fontsize=8)
        return
    if line.low is not None and line.high is not None:
        axes.hlines(place, line.low, line.high, color=ACCENT, linewidth=5, alpha=0.25)
    if line.best is not None:
        axes.plot([line.best], [place], marker="|", markersize=11, markeredgewidth=2, color=BEST)
    axes.plot([line.auc], [place], marker="o", markersize=5, color=ACCENT)


def _auc_range(lines: Sequence[AucLine]) -> tuple[float, float]:
    """Wide enough for every mark; a segment of few rows may have an interval that leaves the picture."""
    marks = [value for line in lines for value in (line.auc, line.best) if value is not None]
    return max(min([*marks, 0.5]) - 0.03, 0.0), min(max([*marks, 0.7]) + 0.04, 1.005)


def _square(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=x_label, ylabel=y_label, aspect="equal")
    _plain(axes, grid="both")
    return figure, axes


def _plain(*all_axes: Any, grid: str) -> None:
    for axes in all_axes:
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    all_axes[0].grid(axis=grid, color=GRID, linewidth=0.8)
    all_axes[0].set_axisbelow(True)


def _svg(figure: Figure) -> str:
    """The figure as an <svg> element that scales with its container."""
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    document = text.getvalue()
    element = document[document.index("<svg") :]
    return re.sub(r'(width|height)="[\d.]+pt" ?', "", element, count=2)
