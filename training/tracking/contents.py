"""The description, parameters and metrics of a run that are recorded in MLflow."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from training.evaluation.segments import OVERALL, Figures, Segment, entity_of, segments_by_kind
from training.runs.layout import REPORT_FILE, config_file
from training.runs.summary import BrokenRunError, RunSummary

_MAIN = ("auc", "auc_low", "auc_high", "logloss", "share")
_MAIN_GROUP = "1 main"  # MLflow groups metrics by what stands before the first "/", and sorts the groups by name
_ONLY_OVERALL = ("gauc", "ece", "best_reachable_auc", "share")  # figures that segments do not have
_NO_PARAMETERS = ("course", "inputs", "notes")  # figures by epoch, a line per date, and MLflow's own description


def description(run: RunSummary, config: dict[str, Any]) -> str:
    """Return the main figures as a Markdown table, followed by the user's notes."""
    auc, low, high, logloss, share = (run.figures[name] for name in _MAIN)
    course = config["course"]
    cells = {
        "AUC (95% interval)": _area(auc, low, high),
        "Log loss": _shown(logloss),
        "Rows": f"{run.rows:,}",
        "As of": run.as_of,
        "Epoch kept": f"{course['best_epoch']} of {len(course['epochs'])}",
    }
    if share is not None:
        cells["Share of the best reachable AUC above 0.5"] = f"{share:.1%}"
    table = [_row(cells), _row(["---"] * len(cells)), _row(cells.values())]
    return "\n".join([*table, "", config.get("notes", "")]).rstrip()


def version_page(run: RunSummary) -> str:
    """Return what the page of a registered version says: the run, its main figures and its report by level."""
    head = _row(["Rows of", "Impressions", "Clicked", "AUC (95% interval)"])
    named = [("all", OVERALL), *_levels()]
    lines = [_row(_line(name, run.report[segment])) for name, segment in named if segment in run.report]
    return "\n".join(
        [
            f"{run.model}, trained on {run.dataset}, as of {run.as_of} ({run.name}).",
            "",
            *[head, _row(["---"] * 4), *lines],
            "",
            f"Levels say how often training has seen a user or an item. {REPORT_FILE} among the run's files has the "
            "whole report.",
        ]
    )


def _levels() -> Iterator[tuple[str, Segment]]:
    for kind in ("user_level", "item_level"):
        yield from ((f"{entity_of(kind)}s: {level}", segment) for level, segment in segments_by_kind()[kind])


def _line(name: str, figures: Figures) -> list[str]:
    clicked = "-" if figures.ctr is None else f"{figures.ctr:.1%}"
    return [name, f"{figures.rows:,}", clicked, _area(figures.auc, figures.auc_low, figures.auc_high)]


def _area(auc: float | None, low: float | None, high: float | None) -> str:
    """Return an AUC with its interval, or alone if there are too few rows for one."""
    return _shown(auc) if low is None else f"{_shown(auc)} ({_shown(low)} to {_shown(high)})"


def parameters(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the configuration as flat names and values, such as loop_settings.epochs. Dates become `first to last`."""
    for name, value in config.items():
        if name in _NO_PARAMETERS:
            continue
        if isinstance(value, dict):
            yield from parameters(value, f"{prefix}{name}.")
        else:
            dates = prefix == "window." and value
            yield prefix + name, f"{value[0]} to {value[-1]}" if dates else str(value)


def metrics(run: RunSummary) -> Iterator[tuple[str, float, int]]:
    """Yield (name, value, step): auc over all rows, auc/scene/3 or auc/scene_x_item_level/3/few for a segment.

    The main metrics come a second time, in a group of their own that MLflow shows first.
    """
    for name in _MAIN:
        if (value := run.figures[name]) is not None:
            yield f"{_MAIN_GROUP}/{name}", value, 0
    for name in _ONLY_OVERALL:
        if (value := run.figures[name]) is not None:
            yield name, value, 0
    for segment, figures in run.report.items():
        names = [str(part) for part in vars(segment).values() if part is not None]
        suffix = "".join(f"/{name}" for name in names) if len(names) > 1 else ""  # "overall" has no other name
        for name, value in vars(figures).items():
            if value is not None:
                yield name + suffix, float(value), 0


def metrics_by_epoch(config: dict[str, Any], folder: Path) -> Iterator[tuple[str, float, int]]:
    """Yield (name, value, step) of the training's figures. The step is the number of the epoch."""
    try:
        course = config["course"]
        for name in ("train_rows", "best_epoch", "rows_per_second"):
            yield name, float(course[name]), 0
        for epoch in course["epochs"]:
            figures = {name: float(value) for name, value in epoch.items() if name != "number"}
            yield from ((f"epoch/{name}", value, epoch["number"]) for name, value in figures.items())
    except KeyError as error:
        raise BrokenRunError(folder, f"{config_file(folder.name)} has no {error}") from error


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4f}"
