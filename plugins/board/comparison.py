"""Runs to what the page shows of them: which are side by side, how they stand by segment, and how AUC went."""

from collections.abc import Iterable
from typing import Any

from plugins.board.listing import Listing
from plugins.board.runs import Run


def side_by_side(
    listing: Listing, dataset: str | None, as_of: str | None, opened: Run | None = None, own: str | None = None
) -> dict[str, Any]:
    """The runs of one dataset and as-of date, newest first, and what else there is to choose from.

    Without a date it is the newest one; without a dataset it is Airflow's `own` where that has runs, else the one of
    the newest run; `opened` overrides both.
    """
    runs = sorted(listing.runs.values(), key=lambda run: (run.started_at, run.name), reverse=True)
    if opened:
        dataset, as_of = opened.dataset, opened.as_of
    datasets = sorted({run.dataset for run in runs})
    dataset = dataset or (own if own in datasets else runs[0].dataset if runs else None)
    of_dataset = [run for run in runs if run.dataset == dataset]
    dates = sorted({run.as_of for run in of_dataset}, reverse=True)
    as_of = as_of or (dates[0] if dates else None)
    return {
        "dataset": dataset,
        "datasets": datasets,
        "as_of": as_of,
        "dates": dates,
        "models": sorted({run.model for run in of_dataset}),
        "runs": [_summary(run) for run in of_dataset if run.as_of == as_of],
        "history": history(of_dataset),
        "broken": sorted(listing.broken.values()),
    }


def history(newest_first: Iterable[Run]) -> list[dict[str, Any]]:
    """AUC of the newest run for each model and as-of date, dates ascending."""
    chosen: dict[tuple[str, str], Run] = {}
    for run in newest_first:
        chosen.setdefault((run.as_of, run.model), run)
    return [
        {"as_of": as_of, "model": model, "name": run.name, **{key: run.figures[key] for key in _INTERVAL}}
        for (as_of, model), run in sorted(chosen.items())
    ]


_INTERVAL = ("auc", "auc_low", "auc_high")


def by_segment(run: Run) -> dict[str, Any]:
    """The run's figures by segment, the best reachable ones where the truth is known, alpha of a content model."""
    return {"name": run.name, "segments": run.segments, "best_by": run.best_by, "alpha_by": run.alpha_by}


def where_shown(listing: Listing, name: str) -> dict[str, str | None]:
    """The model and as-of date of a run; None of one whose folder is gone."""
    run = listing.runs.get(name)
    return {"model": run.model if run else None, "as_of": run.as_of if run else None}


def _summary(run: Run) -> dict[str, Any]:
    counts = {"rows": run.rows, "positives": run.positives}
    return {"name": run.name, "model": run.model, "started_at": run.started_at, **counts, **run.figures}
