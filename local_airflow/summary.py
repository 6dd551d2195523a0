"""What a run of all DAGs came to, as a table for the screen."""

import json
from collections.abc import Iterable
from pathlib import Path

from warehouse.catalog import Catalog
from warehouse.tables import LOGS, SCENES, TRAIN

_LEVELS = ("zero", "few", "warm")


def summary(warehouse: str, dataset: str, artifacts: Path) -> str:
    """Rows in and rejected, then for the newest run of each model its AUC, by scene and by cold-start level."""
    catalog = Catalog(warehouse, dataset)
    logs = [manifest for date in catalog.dates(LOGS) if (manifest := catalog.manifest(LOGS, date))]
    training = [manifest for date in catalog.dates(TRAIN) if (manifest := catalog.manifest(TRAIN, date))]
    rows_in, rejected = sum(m.rows_in or 0 for m in logs), sum(sum(m.rejects.values()) for m in logs)
    dates = f"{logs[0].date} to {logs[-1].date}" if logs else "no dates"
    lines = [
        "",
        f"{dates}: {rows_in:,} rows in, {rejected:,} rejected, {sum(m.rows for m in training):,} rows to train on",
        *(line for run in newest_runs(artifacts) for line in _run_lines(run)),
    ]
    return "\n".join(lines)


def newest_runs(artifacts: Path) -> list[Path]:
    """The newest artifacts folder of each model."""
    newest: dict[str, Path] = {}
    for folder in sorted(artifacts.glob("artifacts_*_run_*"), key=lambda path: path.name.rsplit("_run_", 1)[1]):
        newest[folder.name.rsplit("_run_", 1)[0]] = folder
    return list(newest.values())


def _run_lines(run: Path) -> list[str]:
    metrics = json.loads((run / "val_metrics.json").read_text())
    by = metrics["auc_by"]
    best = metrics.get("best_reachable_auc")
    reachable = f", best reachable {best:.4f}, share {metrics['share']:.3f}" if best else ""
    interval = f"{_number(metrics['auc_low'])} to {_number(metrics['auc_high'])}"
    return [
        "",
        f"{metrics['model']} as of {metrics['as_of']}: {metrics['rows']:,} validation rows",
        f"  AUC {_number(metrics['auc'])} ({interval}){reachable}",
        _row("", _LEVELS),
        _row("user", (_number(by["user_level"].get(level)) for level in _LEVELS)),
        _row("item", (_number(by["item_level"].get(level)) for level in _LEVELS)),
        _row("scene", SCENES),
        _row("", (_number(by["scene"].get(str(scene))) for scene in SCENES)),
        f"  report: {run / 'report.html'}",
    ]


def _row(title: str, cells: Iterable[object]) -> str:
    return f"  {title:<8}" + "".join(f"{cell:>9}" for cell in cells)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
