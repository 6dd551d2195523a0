"""Heat maps in the board's colours: AUC of scenes by levels, gate weights of scenes by experts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.evaluation.predictions import LEVELS
from training.evaluation.segments import OVERALL, Figures, Report, Segment
from training.report.drawing import GRID, INK, MUTED, frameless, picture
from warehouse.tables import SCENES

BELOW, EVEN, ABOVE = "#c2570c", "#f1f5f9", "#1d5fa8"  # orange and blue: told apart by colour-blind eyes
_ON_PALE, _ON_STRONG = "#0b1220", "#ffffff"
AUC_REACH = 0.2  # the colours end this far from 0.5


@dataclass(frozen=True)
class _Cell:
    """A figure and what stands below it; `lean` from -1 (below) to 1 (above) gives the colour, None leaves it empty."""

    text: str
    below: str
    lean: float | None


def auc_by_scene_and(kind: str, report: Report) -> str:
    """AUC and rows of each scene at each level, and of all of them. kind: user_level or item_level."""
    who = kind.removesuffix("_level")
    columns = [f"all {who}s", *(f"{who} {level}" for level in LEVELS)]
    rows = ["all scenes", *(f"scene {scene}" for scene in SCENES)]
    cells = [
        [_auc_cell(report[_segment(kind, scene, level)]) for level in (None, *LEVELS)] for scene in (None, *SCENES)
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_cells(axes, cells)
        axes.set_xticks(range(len(columns)), columns, color=INK)
        axes.set_yticks(range(len(rows)), rows)

    return picture(kind, 4.8, 0.42 * len(rows) + 0.35, draw)


def gate_weights(name: str, gate: dict[str, Any]) -> str:
    """Mean weight of each expert by scene, with the mean entropy in nats beside each line; collapsed experts stand out.

    gate: one of val_metrics' gates.
    """
    by_scene = gate["by_scene"]
    cells = [[_weight_cell(weight, len(of["weights"])) for weight in of["weights"]] for of in by_scene.values()]
    experts, rows = range(len(cells[0])), range(len(cells))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_cells(axes, cells)
        axes.set_xticks(experts, [str(expert) for expert in experts])
        _mark(axes, gate["collapsed"])
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("expert")
        axes.set_yticks(rows, [f"scene {scene}" for scene in by_scene])
        entropy = axes.secondary_yaxis("right")
        entropy.set_yticks(rows, [f"entropy {of['entropy']:.2f}" for of in by_scene.values()], color=MUTED)
        frameless(entropy)

    return picture(name, 0.58 * len(experts) + 1.7, 0.32 * len(rows) + 0.6, draw)


def _segment(kind: str, scene: int | None, level: str | None) -> Segment:
    if level is None:
        return OVERALL if scene is None else Segment("scene", scene)
    levels: dict[str, Any] = {kind: level}
    return replace(Segment(kind if scene is None else f"scene_x_{kind}", scene), **levels)


def _auc_cell(figures: Figures) -> _Cell:
    if figures.auc is None:
        return _Cell("one class" if figures.rows else "no rows", f"{figures.rows:,}" if figures.rows else "", None)
    return _Cell(f"{figures.auc:.3f}", f"{figures.rows:,}", _within((figures.auc - 0.5) / AUC_REACH))


def _weight_cell(weight: float, experts: int) -> _Cell:
    return _Cell(f"{weight:.2f}", "", _within(weight * experts - 1))  # 0 at an equal share, 1 at twice as much


def _within(lean: float) -> float:
    return max(-1.0, min(lean, 1.0))


def _draw_cells(axes: Axes, cells: Sequence[Sequence[_Cell]]) -> None:
    for y, line in enumerate(cells):
        for x, cell in enumerate(line):
            _draw_cell(axes, x, y, cell)
    axes.set_xlim(-0.5, len(cells[0]) - 0.5)
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.xaxis.tick_top()
    frameless(axes)


def _draw_cell(axes: Axes, x: int, y: int, cell: _Cell) -> None:
    ground = _ground(cell.lean)
    axes.add_patch(
        Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=ground, edgecolor=GRID if cell.lean is None else ground)
    )
    ink = MUTED if cell.lean is None else _clearest(ground)
    size = 8 if cell.lean is None else 10
    centre: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    axes.text(x, y - (0.14 if cell.below else 0), cell.text, fontsize=size, **centre)
    if cell.below:
        axes.text(x, y + 0.26, cell.below, fontsize=8, **centre)


def _mark(axes: Axes, collapsed: Collection[int]) -> None:
    for expert, label in enumerate(axes.get_xticklabels()):
        label.set(color=BELOW if expert in collapsed else INK, weight="bold" if expert in collapsed else "normal")


def _ground(lean: float | None) -> str:
    if lean is None:
        return "#ffffff"
    end = BELOW if lean < 0 else ABOVE
    red, green, blue = (e + (f - e) * abs(lean) for e, f in zip(to_rgb(EVEN), to_rgb(end), strict=True))
    return to_hex((red, green, blue))


def _clearest(ground: str) -> str:
    """Dark or white letters, whichever stand out more."""
    return max((_ON_PALE, _ON_STRONG), key=lambda ink: _contrast(ink, ground))


def _contrast(one: str, other: str) -> float:
    """How far two colours are apart in brightness, 1 to 21, as WCAG 2 has it."""
    dark, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
