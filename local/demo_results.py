"""Format the demo's results as a table for the terminal."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

from training.evaluation.segments import entity_of, segments_by_kind
from training.runs.layout import REPORT_FILE
from training.runs.summary import RunSummary, read_summary
from training.tracking.run_tags import RUN_TAG
from warehouse.catalog import Catalog
from warehouse.tables import LOGS, SCORES, TRAIN

_TITLE_WIDTH = 20
_CELLS = repeat(11)  # the width of each, however many there are


def summary(warehouse: str, dataset: str, folders: Sequence[Path]) -> str:
    """Return the numbers of rows, for each run the AUC over all rows, by cold-start level and by scene, and the scores.

    Raises BrokenRunError.
    """
    catalog = Catalog(warehouse, dataset)
    lines = _data_lines(catalog)
    if folders:
        runs = [read_summary(folder) for folder in folders]
        lines += ["", *_overall(runs), "", *_table("AUC by cold start", runs, "user_level", "item_level")]
        lines += ["", *_table("AUC by scene", runs, "scene"), ""]
        lines += [
            _row(f"{run.model} report", [str(folder / REPORT_FILE)]) for run, folder in zip(runs, folders, strict=True)
        ]
    return "\n".join([*lines, *_scored(catalog)])


def _data_lines(catalog: Catalog) -> list[str]:
    logs = [manifest for date in catalog.dates(LOGS) if (manifest := catalog.manifest(LOGS, date))]
    training = [manifest for date in catalog.dates(TRAIN) if (manifest := catalog.manifest(TRAIN, date))]
    dates = f"{logs[0].date} to {logs[-1].date}" if logs else "no dates"
    rejected = sum(sum(manifest.rejects.values()) for manifest in logs)
    return [
        f"Dataset {catalog.dataset}, {dates}",
        _row("rows in", [f"{sum(manifest.rows_in or 0 for manifest in logs):,}"]),
        _row("rows rejected", [f"{rejected:,}"]),
        _row("rows to train on", [f"{sum(manifest.rows for manifest in training):,}"]),
    ]


def _scored(catalog: Catalog) -> list[str]:
    dates = catalog.dates(SCORES)
    scored = catalog.manifest(SCORES, dates[-1]) if dates else None
    if scored is None or scored.scored_by is None:
        return []
    by, place = scored.scored_by[RUN_TAG], catalog.uri(SCORES, scored.date)
    return ["", f"{scored.rows:,} candidates of {scored.date}, scored and ranked by {by}:", f"  {place}"]


def _overall(runs: Sequence[RunSummary]) -> list[str]:
    first, widths = runs[0], [8, 18, 8]
    best = _auc(first.figures["best_reachable_auc"])
    lines = [
        f"Validated on {first.rows:,} rows up to {first.as_of}; best reachable AUC {best}",
        _row("", ["AUC", "95% interval", "share"], widths),
    ]
    for run in runs:
        area, low, high = (_auc(run.figures[name]) for name in ("auc", "auc_low", "auc_high"))
        lines.append(_row(run.model, [area, f"{low}-{high}", _share(run.figures["share"])], widths))
    return [*lines, "  share: of the best reachable AUC, both counted from 0.5"]


def _table(title: str, runs: Sequence[RunSummary], *kinds: str) -> list[str]:
    """Return lines with the AUC of each run, a column for each segment, and the best reachable AUC if known."""
    segments = [(kind, name) for kind in kinds for name, _ in segments_by_kind()[kind]]
    lines = [(run.model, run.auc_by) for run in runs]
    if runs[0].best_by:
        lines.append(("best reachable", runs[0].best_by))
    return [
        _row(title, [f"{entity_of(kind)} {name}" for kind, name in segments]),
        *(_row(label, [_auc(aucs[kind].get(name)) for kind, name in segments]) for label, aucs in lines),
    ]


def _row(title: str, cells: Iterable[str], widths: Iterable[int] = _CELLS) -> str:
    return f"  {title:<{_TITLE_WIDTH}}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False)
    )


def _auc(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
