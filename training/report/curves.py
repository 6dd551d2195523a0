"""Charts of curves: ROC, calibration, and loss and AUC by epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluation.calibration import wilson_interval
from training.report.drawing import DOTTED, PAINT, picture, without_frames

_ROC_POINTS = 300  # more than the picture can show, few enough for a small page


def roc(labels: np.ndarray, scores: np.ndarray) -> Markup:
    """Draw the ROC curve. scores: [n]. labels: [n], with both classes."""
    order = np.argsort(-scores, kind="stable")
    scores, clicked = scores[order], labels[order].astype(bool)
    last_of_value = np.append(scores[1:] != scores[:-1], True)  # no threshold separates equal scores
    hits = np.append(0, np.cumsum(clicked)[last_of_value]) / clicked.sum()
    false_alarms = np.append(0, np.cumsum(~clicked)[last_of_value]) / (~clicked).sum()
    shown = np.unique(np.linspace(0, len(hits) - 1, _ROC_POINTS).round().astype(int))

    def draw(figure: Figure) -> None:
        axes = _square(figure, "share of unclicked rows above the threshold", "share of clicked rows above it")
        axes.fill_between(false_alarms[shown], hits[shown], color=PAINT.accent, alpha=0.08, linewidth=0)
        axes.plot(false_alarms[shown], hits[shown], color=PAINT.accent, linewidth=1.6)

    return picture("ROC curve", 3.7, 3.6, draw)


def reliability(bins: Sequence[dict[str, Any]]) -> Markup:
    """Draw the observed against the predicted click rate: for each bin a dot, larger for more rows, and its interval.

    bins: `reliability` in val_metrics.json.
    """
    rows, predicted, observed = (np.array([b[name] for b in bins]) for name in ("rows", "predicted", "observed"))

    def draw(figure: Figure) -> None:
        axes = _square(figure, "predicted click rate", "observed click rate")
        low, high = wilson_interval(observed, rows)
        axes.vlines(predicted, low, high, color=PAINT.accent, linewidth=1.6, alpha=0.45, clip_on=False)
        dots: dict[str, Any] = {"color": PAINT.accent, "edgecolor": PAINT.card, "linewidth": 0.8}
        axes.scatter(predicted, observed, s=12 + 400 * rows / rows.sum(), **dots, zorder=3, clip_on=False)

    return picture("Observed by predicted click rate", 3.7, 3.6, draw)


def course_of_training(epochs: Sequence[dict[str, Any]], best: int) -> Markup:
    """Draw log loss (in nats) and AUC by epoch, with a line at the best epoch.

    epochs: at least one, as in the run's configuration file. best: the number of the best one.
    """

    def draw(figure: Figure) -> None:
        losses, aucs = figure.subplots(1, 2)
        _by_epoch(losses, "log loss", epochs, {"train_loss": PAINT.muted, "val_logloss": PAINT.accent}, best)
        _by_epoch(aucs, "AUC", epochs, {"val_auc": PAINT.accent}, best)

    return picture("Log loss and AUC by epoch", 6.3, 2.3, draw)


def _by_epoch(axes: Axes, title: str, epochs: Sequence[dict[str, Any]], lines: dict[str, str], best: int) -> None:
    """Draw a line for each metric. lines: the names and colours of the metrics."""
    numbers = [epoch["number"] for epoch in epochs]
    axes.axvline(best, color=PAINT.mark, linewidth=1.2, linestyle=DOTTED)
    for name, colour in lines.items():
        axes.plot(numbers, [epoch[name] for epoch in epochs], color=colour, linewidth=1.6, marker="o", markersize=4)
    axes.set_title(title, loc="left", fontsize=9, color=PAINT.muted)
    axes.set_xlabel("epoch")
    axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    without_frames(axes, grid="y")


def _square(figure: Figure, x_label: str, y_label: str) -> Axes:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PAINT.muted, linewidth=0.8, linestyle=DOTTED)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=x_label, ylabel=y_label, aspect="equal")
    without_frames(axes, grid="both")
    return axes
