"""The data about runs that the board shows: a comparison, metrics by segment, and the history of AUC."""

from collections.abc import Iterable
from typing import Any

from plugins.board.differing_settings import told_apart
from plugins.board.listing import Listing
from training.evaluation.segments import Figures, Segment
from training.report.colours import lean_of
from training.runs.summary import RunSummary


def side_by_side(
    listing: Listing, dataset: str | None, as_of: str | None, opened: RunSummary | None = None, own: str | None = None
) -> dict[str, Any]:
    """Return the runs of one dataset and as-of date, newest first, and the datasets and dates that have runs.

    If as_of is None, the newest date is taken. If dataset is None, it is Airflow's own one or, if that has no runs, the
    dataset of the newest run. If a run is opened, its dataset and date are taken.
    """
    runs = sorted(listing.runs.values(), key=lambda run: (run.started_at, run.name), reverse=True)
    if opened:
        dataset, as_of = opened.dataset, opened.as_of
    datasets = sorted({run.dataset for run in runs})
    dataset = dataset or (own if own in datasets else runs[0].dataset if runs else None)
    in_dataset = [run for run in runs if run.dataset == dataset]
    dates = sorted({run.as_of for run in in_dataset}, reverse=True)
    as_of = as_of or (dates[0] if dates else None)
    of_date = [run for run in in_dataset if run.as_of == as_of]
    apart = told_apart(of_date)
    return {
        "dataset": dataset,
        "datasets": datasets,
        "as_of": as_of,
        "dates": dates,
        "models": sorted({run.model for run in in_dataset}),
        "runs": [{**_summary(run), "settings": apart[run.name]} for run in of_date],
        "history": history(in_dataset),
        "broken": sorted(listing.broken.values()),
    }


def history(newest_first: Iterable[RunSummary]) -> list[dict[str, Any]]:
    """Return the AUC of the newest run for each model and as-of date, by ascending date."""
    chosen: dict[tuple[str, str], RunSummary] = {}
    for run in newest_first:
        chosen.setdefault((run.as_of, run.model), run)
    return [
        {"as_of": as_of, "model": model, "name": run.name, **{key: run.figures[key] for key in _INTERVAL}}
        for (as_of, model), run in sorted(chosen.items())
    ]


_INTERVAL = ("auc", "auc_low", "auc_high")


def by_segment(run: RunSummary) -> dict[str, Any]:
    """Return a run's metrics by segment, the best reachable AUC if known, and the alpha of a content model."""
    lines = [_line(segment, figures) for segment, figures in run.report.items()]
    return {"name": run.name, "segments": lines, "best_by": run.best_by, "alpha_by": run.alpha_by}


def model_and_date(listing: Listing, name: str) -> dict[str, str | None]:
    """Return the model and as-of date of a run. Both are None if its folder is gone."""
    run = listing.runs.get(name)
    return {"model": run.model if run else None, "as_of": run.as_of if run else None}


def _line(segment: Segment, figures: Figures) -> dict[str, Any]:
    """Return a line of the cold-start report with its colour. A part of the segment that stands for all is empty."""
    names = {name: "" if value is None else str(value) for name, value in vars(segment).items()}
    return names | vars(figures) | {"lean": lean_of(figures)}


def _summary(run: RunSummary) -> dict[str, Any]:
    counts = {"rows": run.rows, "positives": run.positives}
    notes = str(run.config.get("notes") or "")
    return {"name": run.name, "model": run.model, "started_at": run.started_at, "notes": notes, **counts, **run.figures}
