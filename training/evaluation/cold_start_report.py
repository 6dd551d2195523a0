"""The cold-start report: the metrics of every segment, and the two CSV files they are written to."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from training.evaluation.auc import auc_interval
from training.evaluation.calibration import log_loss
from training.evaluation.prediction_table import Scored
from training.evaluation.segments import LEVELS, Figures, Report, Segment, all_segments
from warehouse.tables import SCENES


def cold_start_report(rows: Scored) -> Report:
    """Compute the metrics of every segment, including segments without rows."""
    losses = log_loss(rows.logit, rows.label)
    return {segment: figures_within(rows, losses, rows.mask(segment)) for segment in all_segments()}


def figures_within(rows: Scored, losses: np.ndarray, mask: np.ndarray) -> Figures:
    """Compute the metrics of the rows of a mask, bool [n]. losses: the log loss of each row, [n]."""
    label, logit = rows.label.compress(mask), rows.logit.compress(mask)  # faster than indexing by the mask
    if not len(label):
        return Figures(0, 0, *[None] * 6)
    area = auc_interval(logit, label, rows.user.compress(mask))
    return Figures(
        rows=len(label),
        positives=int(label.sum()),
        auc=area.auc,
        auc_low=area.low,
        auc_high=area.high,
        logloss=float(losses.compress(mask).mean()),
        ctr=float(label.mean()),
        predicted_ctr=float(rows.probability.compress(mask).mean()),
    )


def write_long(report: Report, path: Path) -> None:
    """Write cold_report_long.csv: one line per segment. Undefined figures are empty fields."""
    header = [field.name for part in (Segment, Figures) for field in fields(part)]
    lines = ([*asdict(segment).values(), *asdict(figures).values()] for segment, figures in report.items())
    _write_csv(path, header, lines)


def write_pivot(report: Report, path: Path) -> None:
    """Write cold_report_pivot.csv: AUC with a line per scene and a column per level, and "all" for their totals."""
    header = ["scene", "all", *(f"user_{level}" for level in LEVELS), *(f"item_{level}" for level in LEVELS)]
    lines = [[scene, *_aucs(report, scene)] for scene in SCENES]
    _write_csv(path, header, [["all", *_aucs(report, None)], *lines])


def _aucs(report: Report, scene: int | None) -> list[float | None]:
    """Return one line of the pivot: the scene's AUC over all rows, by user level and by item level."""
    in_scene = [(segment, figures.auc) for segment, figures in report.items() if segment.scene == scene]
    rank = {"overall": 0, "scene": 0, "user_level": 1, "scene_x_user_level": 1}
    return [area for _, area in sorted(in_scene, key=lambda entry: rank.get(entry[0].segment, 2))]


def _write_csv(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
