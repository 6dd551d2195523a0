"""Pictures of one figure a segment: AUC with its interval, the weight of the content."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.metrics import SHOWN_BY
from training.evaluation.segments import OVERALL, Figures, Report
from training.report.drawing import ACCENT, BEST, DOTTED, FULL, MUTED, picture, plain

_WIDE = 0.3  # of an interval: in a picture for it the others would be too small to read


@dataclass(frozen=True)
class _Line:
    """One line of the AUC picture; `group` starts a new block where it changes."""

    group: str
    label: str
    figures: Figures
    best: float | None


def auc_by_segment(metrics: dict[str, Any], report: Report) -> str:
    """AUC with its 95% interval, a line a segment, and a mark at the best reachable AUC where that is known."""
    lines = _lines(metrics, report)
    places = _places([line.group for line in lines])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, line in zip(places, lines, strict=True):
            _draw_line(axes, place, line)
        axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=DOTTED)
        axes.set_yticks(places, [line.label for line in lines])
        axes.set_ylim(places[-1] + 0.7, 0.3)
        axes.set_xlim(*_auc_range(lines))
        _mark_cut(axes, places, lines)
        axes.set_xlabel("AUC, 95% interval")
        rows = axes.secondary_yaxis("right")
        rows.set_yticks(places, [f"{line.figures.rows:,} rows" for line in lines], color=MUTED)
        plain(axes, rows, grid="x")

    return picture("auc", FULL, 0.27 * places[-1] + 0.75, draw)


def alpha_by_segment(alpha_by: dict[str, dict[str, float | None]]) -> str:
    """The mean weight of the content, 0 to 1, a bar a segment. alpha_by: that of val_metrics, None without rows."""
    bars = [(kind, name, mean) for kind, means in alpha_by.items() for name, mean in means.items()]
    places = _places([kind for kind, _, _ in bars])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.bar(places, [mean or 0.0 for _, _, mean in bars], width=0.6, color=ACCENT)
        for place, (_, _, mean) in zip(places, bars, strict=True):
            text, colour = ("no\nrows", MUTED) if mean is None else (f"{mean:.2f}", None)
            axes.annotate(text, (place, mean or 0.0), (0, 2), textcoords="offset points", ha="center", color=colour)
        axes.set_xticks(places, [f"{_who(kind)}\n{name}" for kind, name, _ in bars])
        axes.set(xlim=(0.3, places[-1] + 0.7), ylim=(0, 1.08), yticks=(0, 0.25, 0.5, 0.75, 1))
        axes.set_ylabel("weight of the content")
        plain(axes, grid="y")

    return picture("alpha", FULL, 2.4, draw)


def _lines(metrics: dict[str, Any], report: Report) -> list[_Line]:
    best_by = metrics.get("best_reachable_auc_by", {})
    lines = [_Line("overall", "all rows", report[OVERALL], metrics.get("best_reachable_auc"))]
    for kind, segments in SHOWN_BY.items():
        for name, segment in segments:
            lines.append(_Line(kind, f"{_who(kind)} {name}", report[segment], best_by.get(kind, {}).get(name)))
    return lines


def _who(kind: str) -> str:
    return kind.removesuffix("_level")


def _places(groups: Sequence[str]) -> list[float]:
    """Where each segment goes along its axis: 1 apart, and half a place more where a group begins."""
    places, at = [], 0.0
    for number, group in enumerate(groups):
        at += 1.0 if not number or group == groups[number - 1] else 1.5
        places.append(at)
    return places


def _interval(line: _Line, widest: float = 1.0) -> tuple[float, float] | None:
    low, high = line.figures.auc_low, line.figures.auc_high
    return None if low is None or high is None or high - low > widest else (low, high)


def _mark_cut(axes: Axes, places: Sequence[float], lines: Sequence[_Line]) -> None:
    """An arrow where an interval goes on beyond the picture."""
    left, right = axes.get_xlim()
    for place, line in zip(places, lines, strict=True):
        for value in _interval(line) or ():
            if not left <= value <= right:
                edge, arrow = (left, "<") if value < left else (right, ">")
                axes.plot([edge], [place], marker=arrow, markersize=6, color=ACCENT, clip_on=False)


def _draw_line(axes: Axes, place: float, line: _Line) -> None:
    figures = line.figures
    if figures.auc is None:
        text = "one class only" if figures.rows else "no rows"
        axes.text(0.505, place, text, color=MUTED, va="center", fontsize=8)
        return
    if interval := _interval(line):
        axes.hlines(place, *interval, color=ACCENT, linewidth=5, alpha=0.25)
    if line.best is not None:
        axes.plot([line.best], [place], marker="|", markersize=11, markeredgewidth=2, color=BEST)
    axes.plot([figures.auc], [place], marker="o", markersize=5, color=ACCENT)


def _auc_range(lines: Sequence[_Line]) -> tuple[float, float]:
    """Wide enough for every mark and for the intervals that say something; that of a few rows may leave it."""
    values = [value for line in lines for value in (line.figures.auc, line.best, *(_interval(line, _WIDE) or ()))]
    marks = [value for value in values if value is not None]
    return max(min([*marks, 0.5]) - 0.03, 0.0), min(max([*marks, 0.7]) + 0.04, 1.005)
