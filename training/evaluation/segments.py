"""The cold-start report: the same figures for every group of rows."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from training.evaluation.auc import auc_interval
from training.evaluation.calibration import log_loss
from training.evaluation.predictions import LEVELS, Scored
from warehouse.tables import SCENES


@dataclass(frozen=True)
class Segment:
    """A group of rows: those of a scene, a user level and an item level, each None where all are meant."""

    segment: str
    scene: int | None = None
    user_level: str | None = None
    item_level: str | None = None

    def mask(self, rows: Scored) -> np.ndarray:
        """Which rows belong to it, bool [n]."""
        chosen = np.ones(len(rows), dtype=bool)
        if self.scene is not None:
            chosen &= rows.scene == self.scene
        if self.user_level is not None:
            chosen &= rows.user_level == LEVELS.index(self.user_level)
        if self.item_level is not None:
            chosen &= rows.item_level == LEVELS.index(self.item_level)
        return chosen


OVERALL = Segment("overall")
SEGMENTS = (
    OVERALL,
    *(Segment("user_level", user_level=level) for level in LEVELS),
    *(Segment("item_level", item_level=level) for level in LEVELS),
    *(Segment("scene", scene=scene) for scene in SCENES),
    *(Segment("scene_x_user_level", scene=scene, user_level=level) for scene in SCENES for level in LEVELS),
    *(Segment("scene_x_item_level", scene=scene, item_level=level) for scene in SCENES for level in LEVELS),
)


@dataclass(frozen=True)
class Figures:
    """A segment's figures; None where its rows do not define one. The interval is DeLong's, 95%; log loss in nats."""

    rows: int
    positives: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    logloss: float | None
    ctr: float | None
    predicted_ctr: float | None


Report = dict[Segment, Figures]


def cold_start_report(rows: Scored) -> Report:
    """The figures of every segment, those without rows included."""
    losses = log_loss(rows.logit, rows.label)
    return {segment: _figures(rows, losses, segment.mask(rows)) for segment in SEGMENTS}


def _figures(rows: Scored, losses: np.ndarray, chosen: np.ndarray) -> Figures:
    label, logit = rows.label.compress(chosen), rows.logit.compress(chosen)  # faster than by index
    if not len(label):
        return Figures(0, 0, *[None] * 6)
    area = auc_interval(logit, label)
    return Figures(
        rows=len(label),
        positives=int(label.sum()),
        auc=area.auc,
        auc_low=area.low,
        auc_high=area.high,
        logloss=float(losses.compress(chosen).mean()),
        ctr=float(label.mean()),
        predicted_ctr=float(rows.probability.compress(chosen).mean()),
    )


def write_long(report: Report, path: Path) -> None:
    """cold_report_long.csv: one line a segment, undefined figures empty."""
    header = [field.name for kind in (Segment, Figures) for field in fields(kind)]
    lines = ([*asdict(segment).values(), *asdict(figures).values()] for segment, figures in report.items())
    _write_csv(path, header, lines)


def write_pivot(report: Report, path: Path) -> None:
    """cold_report_pivot.csv: AUC, scenes (and all of them) by levels (and all of them)."""
    header = ["scene", "all", *(f"user_{level}" for level in LEVELS), *(f"item_{level}" for level in LEVELS)]
    lines = [[scene, *_aucs(report, scene)] for scene in SCENES]
    _write_csv(path, header, [["all", *_aucs(report, None)], *lines])


def _aucs(report: Report, scene: int | None) -> list[float | None]:
    """One line of the pivot: SEGMENTS has the scene's rows in the pivot's column order."""
    of_scene = [(segment, figures.auc) for segment, figures in report.items() if segment.scene == scene]
    rank = {"overall": 0, "scene": 0, "user_level": 1, "scene_x_user_level": 1}
    return [area for _, area in sorted(of_scene, key=lambda entry: rank.get(entry[0].segment, 2))]


def _write_csv(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
