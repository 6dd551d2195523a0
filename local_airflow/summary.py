"""What a run of all DAGs came to, as a table for the screen."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse.catalog import Catalog
from warehouse.tables import LOGS, SCENES, TRAIN

_LEVELS = ("zero", "few", "warm")
_TITLE_WIDTH, _CELL_WIDTH = 24, 10


def summary(warehouse: str, dataset: str, runs: Sequence[Path]) -> str:
    """Rows in and rejected, then each run: its AUC beside the best reachable one, by cold-start level and by scene."""
    lines = _data_lines(Catalog(warehouse, dataset))
    for run in runs:
        lines += ["", *_run_lines(run)]
    return "\n".join(lines)


def runs_in(artifacts: Path) -> set[Path]:
    """The folders of finished training runs."""
    return set(artifacts.glob("artifacts_*_run_*"))


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


def _run_lines(run: Path) -> list[str]:
    metrics = json.loads((run / "val_metrics.json").read_text(encoding="utf-8"))
    low, high = _auc(metrics["auc_low"]), _auc(metrics["auc_high"])
    return [
        f"Model {metrics['model']}, validated on {metrics['rows']:,} rows up to {metrics['as_of']}",
        _row("AUC", [_auc(metrics["auc"])]) + f"   95%: {low} to {high}",
        _row("best reachable AUC", [_auc(metrics.get("best_reachable_auc"))]),
        _row("share of it reached", [_share(metrics.get("share"))]) + "   both counted from 0.5",
        "",
        _row("cold start", _LEVELS),
        *_block("users", metrics, "user_level", _LEVELS),
        *_block("items", metrics, "item_level", _LEVELS),
        "",
        _row("scene", SCENES),
        *_block("all users", metrics, "scene", [str(scene) for scene in SCENES]),
        "",
        f"  report  {run / 'report.html'}",
    ]


def _block(title: str, metrics: Mapping[str, Any], segment: str, keys: Sequence[str]) -> list[str]:
    """One segment's AUCs and, where the best reachable ones are known, the shares of them."""
    lines = [_row(f"  {title}: AUC", (_auc(metrics["auc_by"][segment].get(key)) for key in keys))]
    if shares := metrics.get("share_by", {}).get(segment):
        lines.append(_row(f"  {title}: share", (_share(shares.get(key)) for key in keys)))
    return lines


def _row(title: str, cells: Iterable[object]) -> str:
    return f"  {title:<{_TITLE_WIDTH}}" + "".join(f"{cell:>{_CELL_WIDTH}}" for cell in cells)


def _auc(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
