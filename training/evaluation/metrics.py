"""val_metrics.json: the figures of a run on its validation rows."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from training.evaluation.auc import auc
from training.evaluation.calibration import expected_calibration_error, reliability
from training.evaluation.gauc import gauc
from training.evaluation.predictions import LEVELS, Scored, scored
from training.evaluation.segments import OVERALL, Report, Segment, cold_start_report
from warehouse.tables import SCENES

SHOWN_BY = {
    "scene": [(str(scene), Segment("scene", scene=scene)) for scene in SCENES],
    "user_level": [(level, Segment("user_level", user_level=level)) for level in LEVELS],
    "item_level": [(level, Segment("item_level", item_level=level)) for level in LEVELS],
}


def evaluated(predictions: pa.Table, truth: np.ndarray | None) -> tuple[dict[str, Any], Report]:
    """The metrics and the cold-start report of a predictions table. truth: click probabilities [n], where known.

    Undefined figures are None.
    """
    rows = scored(predictions)
    report = cold_start_report(rows)
    figures = asdict(report[OVERALL])
    bins = reliability(rows.probability, rows.label)
    metrics = {
        **{key: figures[key] for key in ("rows", "positives", "auc", "auc_low", "auc_high", "logloss")},
        "ctr": figures["ctr"],
        "predicted_ctr": figures["predicted_ctr"],
        "gauc": gauc(rows.logit, rows.label, rows.user),
        "ece": expected_calibration_error(bins),
        "auc_by": _by_segment({segment: line.auc for segment, line in report.items()}),
        "reliability": [asdict(b) for b in bins],
    }
    if truth is not None:
        metrics |= _against_best(report, best_reachable(predictions, truth))
    return metrics, report


def best_reachable(predictions: pa.Table, truth: np.ndarray) -> dict[Segment, float | None]:
    """By segment, the AUC of the click probabilities themselves on the labels drawn from them."""
    rows = scored(predictions.drop_columns("logit").append_column("logit", pa.array(truth)))
    chosen = [OVERALL, *(segment for segments in SHOWN_BY.values() for _, segment in segments)]
    return {segment: auc_within(rows, segment) for segment in chosen}


def auc_within(rows: Scored, segment: Segment) -> float | None:
    """The AUC of a segment's rows."""
    mask = segment.mask(rows)
    return auc(rows.logit.compress(mask), rows.label.compress(mask))


def _against_best(report: Report, best: dict[Segment, float | None]) -> dict[str, Any]:
    shares = {segment: _share(report[segment].auc, reachable) for segment, reachable in best.items()}
    return {
        "best_reachable_auc": best[OVERALL],
        "best_reachable_auc_by": _by_segment(best),
        "share": shares[OVERALL],
        "share_by": _by_segment(shares),
    }


def _share(reached: float | None, reachable: float | None) -> float | None:
    if reached is None or reachable is None or reachable == 0.5:
        return None
    return (reached - 0.5) / (reachable - 0.5)


def _by_segment(values: dict[Segment, float | None]) -> dict[str, dict[str, float | None]]:
    return {kind: {name: values[segment] for name, segment in segments} for kind, segments in SHOWN_BY.items()}
