"""Render report.html: a single file without scripts, which loads no other files."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.evaluation.segments import Report, Segment
from training.models.gate_statistics import COLLAPSED_BELOW
from training.report.by_segment import alpha_by_segment, auc_by_segment
from training.report.colours import AUC_REACH, css_variables
from training.report.curves import course_of_training, reliability, roc
from training.report.heat import auc_by_scene_and, gate_weights
from training.report.words import LEVELS_ARE, WORDS

_PHONE_WIDTH = 4.4  # inches
_NEED_TRUTH = ("Share", "Best reachable")
_REPORT_HEADER = ["segment", "rows", "clicked", "AUC", "from", "to", "log loss", "click rate", "predicted"]  # Figures
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def render(
    facts: dict[str, str],
    course: dict[str, Any],
    labels: np.ndarray,
    scores: np.ndarray,
    metrics: dict[str, Any],
    report: Report,
) -> str:
    """Return the report of one run as HTML.

    facts: what to list about the run, by name. course: as in the run's configuration file. labels, scores: of the
    validation rows, [n]. metrics, report: from `evaluate_model`, with `model` and `as_of` added to the metrics.
    """
    gates, epochs = metrics.get("gates", {}), course["epochs"]
    pictures = {
        "auc_by_segment": auc_by_segment(metrics, report),
        "auc_by_segment_narrow": auc_by_segment(metrics, report, _PHONE_WIDTH),
        "auc_by_user_level": auc_by_scene_and("user_level", report),
        "auc_by_item_level": auc_by_scene_and("item_level", report),
        "roc": roc(labels, scores),
        "reliability": reliability(metrics["reliability"]),
        "alpha_by_segment": alpha_by_segment(metrics["alpha_by"]) if "alpha_by" in metrics else "",
        "gates": {name: gate_weights(name, gate) for name, gate in gates.items()},
        "course": course_of_training(epochs, course["best_epoch"]),
    }
    return _PAGES.get_template("page.html").render(
        title=f"{metrics['model']}, validated up to {metrics['as_of']}",
        colours=css_variables(),
        words={name: meaning for name, meaning in WORDS.items() if name not in _NEED_TRUTH or "share" in metrics},
        levels_are=LEVELS_ARE,
        auc_reach=AUC_REACH,
        metrics=metrics,
        tiles=_tiles(metrics),
        pictures=pictures,
        gates=gates,
        collapsed=_collapsed(gates),
        threshold=f"{COLLAPSED_BELOW:.0%}",
        equal_shares=_equal_shares(gates),
        text_columns=[_REPORT_HEADER[0]],
        report_header=_REPORT_HEADER,
        report_lines=_report_lines(report),
        epochs_header=["epoch", *list(epochs[0])[1:]],
        epoch_lines=[(epoch.values(), "best" if epoch["number"] == course["best_epoch"] else "") for epoch in epochs],
        best_epoch_is="highest held-out AUC" if course["stop_on"] == "auc" else "lowest held-out log loss",
        facts=facts,
    )


def _figure(value: object) -> str:
    """Format a value for the page: fractions with four digits, None as an empty string."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


_PAGES.filters["figure"] = _figure


def _tiles(metrics: dict[str, Any]) -> Iterable[tuple[str, str]]:
    low, high = metrics["auc_low"], metrics["auc_high"]
    yield _figure(metrics["auc"]), "AUC" if low is None else f"AUC, {_figure(low)} to {_figure(high)}"
    if metrics.get("share") is not None:
        yield f"{metrics['share']:.1%}", f"share of the best reachable {_figure(metrics['best_reachable_auc'])}"
    yield _figure(metrics["gauc"]), "GAUC, within users"
    yield _figure(metrics["logloss"]), "log loss"
    yield _figure(metrics["normalised_entropy"]), "normalised entropy"
    yield _figure(metrics["ece"]), "ECE, calibration error"
    yield f"{metrics['predicted_ctr']:.1%}", f"click rate predicted, {metrics['ctr']:.1%} observed"


def _report_lines(report: Report) -> Iterable[tuple[list[object], str]]:
    """Yield each line of the cold-start report, and "first" for a line that starts another kind of segments."""
    kind = next(iter(report)).segment
    for segment, figures in report.items():
        yield [_name(segment), *vars(figures).values()], "first" if segment.segment != kind else ""
        kind = segment.segment


def _name(segment: Segment) -> str:
    parts = {"scene": segment.scene, "user": segment.user_level, "item": segment.item_level}
    return ", ".join(f"{entity} {part}" for entity, part in parts.items() if part is not None) or "all rows"


def _equal_shares(gates: dict[str, Any]) -> str:
    """Describe the entropy of equal weights, for each number of experts that a gate has."""
    experts = {len(of_scene["weights"]) for gate in gates.values() for of_scene in gate["by_scene"].values()}
    return " or ".join(f"ln {count} = {math.log(count):.2f}" for count in sorted(experts))


def _collapsed(gates: dict[str, Any]) -> list[str]:
    """Name the collapsed experts: those whose weight is next to nothing."""
    place = {name: f" of {name}" if len(gates) > 1 else "" for name in gates}
    return [f"expert {expert}{place[name]}" for name, gate in gates.items() for expert in gate["collapsed"]]
