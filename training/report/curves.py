"""Pictures of curves: ROC, calibration, the course of training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluation.calibration import wilson_interval
from training.report.drawing import ACCENT, BEST, DOTTED, MUTED, picture, plain

_ROC_POINTS = 300  # more than the picture can show, few enough for a small page


def roc(labels: np.ndarray, scores: np.ndarray) -> str:
    """The ROC curve of scores [n]; labels [n] hold both classes."""
    order = np.argsort(-scores, kind="stable")
    scores, clicked = scores[order], labels[order].astype(bool)
    last_of_value = np.append(scores[1:] != scores[:-1], True)  # between ties there is no threshold
    hits = np.append(0, np.cumsum(clicked)[last_of_value]) / clicked.sum()
    false_alarms = np.append(0, np.cumsum(~clicked)[last_of_value]) / (~clicked).sum()
    shown = np.unique(np.linspace(0, len(hits) - 1, _ROC_POINTS).round().astype(int))

    def draw(figure: Figure) -> None:
        axes = _square(figure, "share of unclicked rows above the threshold", "share of clicked rows above it")
        axes.fill_between(false_alarms[shown], hits[shown], color=ACCENT, alpha=0.08, linewidth=0)
        axes.plot(false_alarms[shown], hits[shown], color=ACCENT, linewidth=1.6)

    return picture("roc", 3.7, 3.6, draw)


def reliability(bins: Sequence[dict[str, Any]]) -> str:
    """Observed against predicted click rate: a dot and a 95% interval a bin, the dot's area by its share of rows.

    bins: those of val_metrics. Of few rows it is wide.
    """
    rows, predicted, observed = (np.array([b[name] for b in bins]) for name in ("rows", "predicted", "observed"))

    def draw(figure: Figure) -> None:
        axes = _square(figure, "predicted click rate", "observed click rate")
        axes.vlines(predicted, *wilson_interval(observed, rows), color=ACCENT, linewidth=1.6, alpha=0.45, clip_on=False)
        areas = 12 + 400 * rows / rows.sum()
        axes.scatter(
            predicted, observed, s=areas, color=ACCENT, edgecolor="white", linewidth=0.8, zorder=3, clip_on=False
        )

    return picture("reliability", 3.7, 3.6, draw)


def course_of_training(epochs: Sequence[dict[str, Any]], best: int) -> str:
    """Log loss in nats of training and validation, and the validation AUC, by epoch, with a line at the best one.

    epochs: those of the run's course, one or more; best: the number of one of them.
    """

    def draw(figure: Figure) -> None:
        losses, aucs = figure.subplots(1, 2)
        _by_epoch(losses, "log loss", epochs, {"train_loss": MUTED, "val_logloss": ACCENT}, best)
        _by_epoch(aucs, "AUC", epochs, {"val_auc": ACCENT}, best)

    return picture("course", 6.3, 2.3, draw)


def _by_epoch(axes: Axes, title: str, epochs: Sequence[dict[str, Any]], lines: dict[str, str], best: int) -> None:
    """lines: colours by the figures' names."""
    numbers = [epoch["number"] for epoch in epochs]
    axes.axvline(best, color=BEST, linewidth=1.2, linestyle=DOTTED)
    for name, colour in lines.items():
        axes.plot(numbers, [epoch[name] for epoch in epochs], color=colour, linewidth=1.6, marker="o", markersize=4)
    axes.set_title(title, loc="left", fontsize=9, color=MUTED)
    axes.set_xlabel("epoch")
    axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    plain(axes, grid="y")


def _square(figure: Figure, x_label: str, y_label: str) -> Axes:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=DOTTED)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=x_label, ylabel=y_label, aspect="equal")
    plain(axes, grid="both")
    return axes
