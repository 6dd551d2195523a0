"""What a run of all DAGs came to, as a table for the screen."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.runs.layout import METRICS_FILE, REPORT_FILE, model_of
from warehouse.catalog import Catalog
from warehouse.tables import LOGS, SCENES, TRAIN

Metrics = Mapping[str, Any]

_LEVELS = ("zero", "few", "warm")
_TITLE_WIDTH = 20
_CELLS = (11,) * 8


def summary(warehouse: str, dataset: str, runs: Sequence[Path]) -> str:
    """Rows in and rejected, then the runs side by side: AUC overall, by cold-start level and by scene."""
    lines = _data_lines(Catalog(warehouse, dataset))
    if runs:
        metrics = [json.loads((run / METRICS_FILE).read_text(encoding="utf-8")) for run in runs]
        lines += ["", *_overall(metrics), "", *_by_level(metrics), "", *_by_scene(metrics), ""]
        lines += [_row(f"{m['model']} report", [str(run / REPORT_FILE)]) for m, run in zip(metrics, runs, strict=True)]
    return "\n".join(lines)


def runs_in(artifacts: Path) -> set[Path]:
    """The folders of finished training runs."""
    return {folder for folder in artifacts.glob("*/") if model_of(folder.name)}


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


def _overall(metrics: Sequence[Metrics]) -> list[str]:
    first = metrics[0]
    best = first.get("best_reachable_auc")
    return [
        f"Validated on {first['rows']:,} rows up to {first['as_of']}; best reachable AUC {_auc(best)}",
        _row("", ["AUC", "95% interval", "share"], [8, 18, 8]),
        *(
            _row(m["model"], [_auc(m["auc"]), f"{_auc(m['auc_low'])}-{_auc(m['auc_high'])}", _share(m)], [8, 18, 8])
            for m in metrics
        ),
        "  share: of the best reachable AUC, both counted from 0.5",
    ]


def _by_level(metrics: Sequence[Metrics]) -> list[str]:
    """Levels count impressions in the training window."""
    keys = [(kind, level) for kind in ("user_level", "item_level") for level in _LEVELS]
    titles = [f"{kind.removesuffix('_level')} {level}" for kind, level in keys]
    return _table("AUC by cold start", titles, metrics, keys)


def _by_scene(metrics: Sequence[Metrics]) -> list[str]:
    return _table("AUC by scene", [f"scene {s}" for s in SCENES], metrics, [("scene", str(s)) for s in SCENES])


def _table(title: str, titles: Sequence[str], metrics: Sequence[Metrics], keys: Sequence[tuple[str, str]]) -> list[str]:
    lines = [_row(m["model"], [_auc(m["auc_by"][kind].get(key)) for kind, key in keys], _CELLS) for m in metrics]
    best = metrics[0].get("best_reachable_auc_by")
    if best:
        lines.append(_row("best reachable", [_auc(best[kind].get(key)) for kind, key in keys], _CELLS))
    return [_row(title, titles, _CELLS), *lines]


def _row(title: str, cells: Iterable[str], widths: Iterable[int] = _CELLS) -> str:
    return f"  {title:<{_TITLE_WIDTH}}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False)
    )


def _auc(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _share(metrics: Metrics) -> str:
    share = metrics.get("share")
    return "-" if share is None else f"{share:.1%}"
