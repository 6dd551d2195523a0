"""Heat maps in the board's colours: AUC by scene and cold-start level, and gate weights by scene and expert."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.evaluation.segments import LEVELS, OVERALL, Figures, Report, Segment, entity_of
from training.report.colours import lean_of
from training.report.drawing import PAINT, heat_paint, picture, without_frames
from warehouse.tables import SCENES


@dataclass(frozen=True)
class _Cell:
    """A text and a smaller one below it. lean: the colour, from -1 to 1; None for a cell without colour."""

    text: str
    below: str
    lean: float | None


def auc_by_scene_and(kind: str, report: Report) -> Markup:
    """Draw the AUC and number of rows of each scene at each level, with totals. kind: user_level or item_level."""
    entity = entity_of(kind)
    columns = [f"all {entity}s", *(f"{entity} {level}" for level in LEVELS)]
    rows = ["all scenes", *(f"scene {scene}" for scene in SCENES)]
    cells = [
        [_auc_cell(report[_segment(kind, scene, level)]) for level in (None, *LEVELS)] for scene in (None, *SCENES)
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_cells(axes, cells)
        axes.set_xticks(range(len(columns)), columns, color=PAINT.ink)
        axes.set_yticks(range(len(rows)), rows)

    return picture(f"AUC by scene and {entity} level", 4.8, 0.42 * len(rows) + 0.35, draw)


def gate_weights(name: str, gate: dict[str, Any]) -> Markup:
    """Draw the mean weight of each expert by scene, and the entropy in nats. Collapsed experts are highlighted.

    gate: one of the `gates` in val_metrics.json.
    """
    by_scene = gate["by_scene"]
    cells = [[_weight_cell(weight, len(of["weights"])) for weight in of["weights"]] for of in by_scene.values()]
    experts, rows = range(len(cells[0])), range(len(cells))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_cells(axes, cells)
        axes.set_xticks(experts, [str(expert) for expert in experts])
        for expert, label in enumerate(axes.get_xticklabels()):
            collapsed = expert in gate["collapsed"]
            label.set(color=PAINT.below if collapsed else PAINT.ink, weight="bold" if collapsed else "normal")
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("expert")
        axes.set_yticks(rows, [f"scene {scene}" for scene in by_scene])
        entropy = axes.secondary_yaxis("right")
        entropy.set_yticks(rows, [f"entropy {of['entropy']:.2f}" for of in by_scene.values()], color=PAINT.muted)
        without_frames(entropy)

    return picture(f"Weights of the experts by scene, {name}", 0.58 * len(experts) + 1.7, 0.32 * len(rows) + 0.6, draw)


def _segment(kind: str, scene: int | None, level: str | None) -> Segment:
    if level is None:
        return OVERALL if scene is None else Segment("scene", scene)
    levels: dict[str, Any] = {kind: level}
    return replace(Segment(kind if scene is None else f"scene_x_{kind}", scene), **levels)


def _auc_cell(figures: Figures) -> _Cell:
    if figures.auc is None:
        return _Cell("one class" if figures.rows else "no rows", f"{figures.rows:,}" if figures.rows else "", None)
    return _Cell(f"{figures.auc:.3f}", f"{figures.rows:,}", lean_of(figures))


def _weight_cell(weight: float, experts: int) -> _Cell:
    return _Cell(f"{weight:.2f}", "", _clipped(weight * experts - 1))  # 0 at an equal share, 1 at twice as much


def _clipped(lean: float) -> float:
    return max(-1.0, min(lean, 1.0))


def _draw_cells(axes: Axes, cells: Sequence[Sequence[_Cell]]) -> None:
    for y, line in enumerate(cells):
        for x, cell in enumerate(line):
            _draw_cell(axes, x, y, cell)
    axes.set_xlim(-0.5, len(cells[0]) - 0.5)
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.xaxis.tick_top()
    without_frames(axes)


def _draw_cell(axes: Axes, x: int, y: int, cell: _Cell) -> None:
    ground, ink = (PAINT.card, PAINT.muted) if cell.lean is None else heat_paint(cell.lean)
    edge = PAINT.line if cell.lean is None else ground
    axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=ground, edgecolor=edge))
    centre: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    size = 8 if cell.lean is None else 10
    axes.text(x, y - (0.14 if cell.below else 0), cell.text, fontsize=size, **centre)
    if cell.below:
        axes.text(x, y + 0.26, cell.below, fontsize=8, **centre)
