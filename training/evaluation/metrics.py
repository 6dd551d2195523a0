"""Compute the content of val_metrics.json: the metrics of a run on its validation rows."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa

from training.evaluation.auc import auc
from training.evaluation.calibration import expected_calibration_error, normalised_entropy, reliability
from training.evaluation.cold_start_report import cold_start_report
from training.evaluation.gauc import gauc
from training.evaluation.prediction_table import Scored, scored
from training.evaluation.segments import OVERALL, Report, Segment, named_segments, segments_by_kind


def evaluated(predictions: pa.Table, truth: np.ndarray | None) -> tuple[dict[str, Any], Report]:
    """Compute the metrics and the cold-start report from a table of predictions. Undefined metrics are None.

    truth: the true click probabilities [n], or None if they are unknown.
    """
    rows = scored(predictions)
    report = cold_start_report(rows)
    figures = asdict(report[OVERALL])
    bins = reliability(rows.probability, rows.label)
    metrics = {
        **figures,
        "normalised_entropy": normalised_entropy(figures["logloss"], figures["ctr"]),
        "gauc": gauc(rows.logit, rows.label, rows.user),
        "ece": expected_calibration_error(bins),
        "auc_by": _by_kind({segment: line.auc for segment, line in report.items()}),
        "reliability": [asdict(b) for b in bins],
    }
    if truth is not None:
        metrics |= _against_best(report, best_reachable(rows, truth))
    return metrics, report


def best_reachable(rows: Scored, truth: np.ndarray) -> dict[Segment, float | None]:
    """Compute the best reachable AUC of each segment: that of the true click probabilities, [n]."""
    best = replace(rows, logit=truth)
    return {segment: auc_within(best, segment) for segment in named_segments().values()}


def auc_within(rows: Scored, segment: Segment) -> float | None:
    """Compute the AUC of a segment's rows."""
    mask = rows.mask(segment)
    return auc(rows.logit.compress(mask), rows.label.compress(mask))


def _against_best(report: Report, best: dict[Segment, float | None]) -> dict[str, Any]:
    shares = {segment: _share(report[segment].auc, reachable) for segment, reachable in best.items()}
    return {
        "best_reachable_auc": best[OVERALL],
        "best_reachable_auc_by": _by_kind(best),
        "share": shares[OVERALL],
        "share_by": _by_kind(shares),
    }


def _share(reached: float | None, reachable: float | None) -> float | None:
    if reached is None or reachable is None or reachable == 0.5:
        return None
    return (reached - 0.5) / (reachable - 0.5)


def _by_kind(values: dict[Segment, float | None]) -> dict[str, dict[str, float | None]]:
    return {kind: {name: values[segment] for name, segment in named} for kind, named in segments_by_kind().items()}
