"""Charts of a metric by segment: AUC with its interval, and the weight of the content tower."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.segments import OVERALL, Figures, Report, entity_of, segments_by_kind
from training.report.drawing import DOTTED, FULL_WIDTH, PAINT, picture, without_frames

_WIDEST_FITTED = 0.3  # the axis is not stretched for wider intervals: it would make the others too small to read


@dataclass(frozen=True)
class _Line:
    """One line of the AUC chart. Lines with the same `group` are drawn close together."""

    group: str
    label: str
    figures: Figures
    best: float | None


def auc_by_segment(metrics: dict[str, Any], report: Report, width: float = FULL_WIDTH) -> Markup:
    """Draw a line for each segment: AUC, its 95% interval, and the best reachable AUC if it is known.

    width: in inches.
    """
    lines = _lines(metrics, report)
    places = _places([line.group for line in lines])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, line in zip(places, lines, strict=True):
            _draw_line(axes, place, line)
        axes.axvline(0.5, color=PAINT.muted, linewidth=0.8, linestyle=DOTTED)
        axes.set_yticks(places, [line.label for line in lines])
        axes.set_ylim(places[-1] + 0.7, 0.3)
        axes.set_xlim(*_auc_range(lines))
        _mark_cut_off(axes, places, lines)
        axes.set_xlabel("AUC, 95% interval")
        rows = axes.secondary_yaxis("right")
        rows.set_yticks(places, [f"{line.figures.rows:,} rows" for line in lines], color=PAINT.muted)
        without_frames(axes, rows, grid="x")

    return picture("AUC by segment, with 95% intervals", width, 0.27 * places[-1] + 0.75, draw)


def alpha_by_segment(alpha_by: dict[str, dict[str, float | None]]) -> Markup:
    """Draw a bar for each segment: the mean weight of the content tower. alpha_by: as in val_metrics.json."""
    bars = [(kind, name, mean) for kind, means in alpha_by.items() for name, mean in means.items()]
    places = _places([kind for kind, _, _ in bars])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.bar(places, [mean or 0.0 for _, _, mean in bars], width=0.6, color=PAINT.accent)
        for place, (_, _, mean) in zip(places, bars, strict=True):
            text, colour = ("no\nrows", PAINT.muted) if mean is None else (f"{mean:.2f}", None)
            axes.annotate(text, (place, mean or 0.0), (0, 2), textcoords="offset points", ha="center", color=colour)
        axes.set_xticks(places, [f"{entity_of(kind)}\n{name}" for kind, name, _ in bars])
        axes.set(xlim=(0.3, places[-1] + 0.7), ylim=(0, 1.08), yticks=(0, 0.25, 0.5, 0.75, 1))
        axes.set_ylabel("weight of the content")
        without_frames(axes, grid="y")

    return picture("Mean weight of the content tower by segment", FULL_WIDTH, 2.4, draw)


def _lines(metrics: dict[str, Any], report: Report) -> list[_Line]:
    best_by = metrics.get("best_reachable_auc_by", {})
    lines = [_Line("overall", "all rows", report[OVERALL], metrics.get("best_reachable_auc"))]
    for kind, named in segments_by_kind().items():
        for name, segment in named:
            lines.append(_Line(kind, f"{entity_of(kind)} {name}", report[segment], best_by.get(kind, {}).get(name)))
    return lines


def _places(groups: Sequence[str]) -> list[float]:
    """Return the position of each segment on the axis: 1 apart within a group, 1.5 between groups."""
    places, place = [], 0.0
    for number, group in enumerate(groups):
        place += 1.0 if not number or group == groups[number - 1] else 1.5
        places.append(place)
    return places


def _interval(line: _Line, widest: float = 1.0) -> tuple[float, float] | None:
    low, high = line.figures.auc_low, line.figures.auc_high
    return None if low is None or high is None or high - low > widest else (low, high)


def _mark_cut_off(axes: Axes, places: Sequence[float], lines: Sequence[_Line]) -> None:
    """Draw an arrow wherever an interval extends beyond the axis."""
    left, right = axes.get_xlim()
    for place, line in zip(places, lines, strict=True):
        for value in _interval(line) or ():
            if not left <= value <= right:
                edge, arrow = (left, "<") if value < left else (right, ">")
                axes.plot([edge], [place], marker=arrow, markersize=6, color=PAINT.accent, clip_on=False)


def _draw_line(axes: Axes, place: float, line: _Line) -> None:
    figures = line.figures
    if figures.auc is None:
        text = "one class only" if figures.rows else "no rows"
        axes.text(0.505, place, text, color=PAINT.muted, va="center", fontsize=8)
        return
    if interval := _interval(line):
        axes.hlines(place, *interval, color=PAINT.accent, linewidth=5, alpha=0.25)
    if line.best is not None:
        axes.plot([line.best], [place], marker="|", markersize=11, markeredgewidth=2, color=PAINT.mark)
    axes.plot([figures.auc], [place], marker="o", markersize=5, color=PAINT.accent)


def _auc_range(lines: Sequence[_Line]) -> tuple[float, float]:
    """Return limits of the AUC axis that include every AUC and all intervals except very wide ones."""
    values = [(line.figures.auc, line.best, *(_interval(line, _WIDEST_FITTED) or ())) for line in lines]
    marks = [value for of_line in values for value in of_line if value is not None]
    return max(min([*marks, 0.5]) - 0.03, 0.0), min(max([*marks, 0.7]) + 0.04, 1.005)
