"""Run folders made by hand, with only the files that are read to show a run."""

import json
from pathlib import Path
from typing import Any

HEADER = "segment,scene,user_level,item_level,rows,positives,auc,auc_low,auc_high,logloss,ctr,predicted_ctr"
REPORT = f"""{HEADER}
overall,,,,500,180,0.71,0.67,0.75,0.6,0.36,0.35
user_level,,zero,,40,0,,,,0.4,0.0,0.2
scene,0,,,300,120,0.64,0.59,0.69,0.61,0.4,0.39
scene_x_item_level,0,,zero,0,0,,,,,,
"""
METRICS: dict[str, Any] = {
    "as_of": "2023-07-23",
    "rows": 500,
    "positives": 180,
    "auc": 0.71,
    "auc_low": 0.67,
    "auc_high": 0.75,
    "logloss": 0.6,
    "gauc": 0.66,
    "ece": 0.02,
    "best_reachable_auc": 0.78,
    "best_reachable_auc_by": {"scene": {"0": 0.74, "1": None}},
    "share": 0.75,
    "auc_by": {"scene": {"0": 0.64, "1": None}, "user_level": {"zero": None}, "item_level": {}},
}


def write_run(
    artifacts: Path,
    model: str = "dnn",
    number: int = 0,
    dataset: str = "demo",
    config: dict[str, Any] | None = None,
    **metrics: Any,
) -> Path:
    """A run's folder. `number` orders the runs in time. config: what its configuration holds besides."""
    folder = artifacts / f"artifacts_{model}_run_20231101-{number:06}"
    folder.mkdir()
    (folder / "val_metrics.json").write_text(json.dumps({"model": model, **METRICS, **metrics}))
    started_at = f"2023-11-01T00:{number:02}:00+00:00"
    (folder / f"{model}_config.json").write_text(
        json.dumps({"dataset": dataset, "started_at": started_at, **(config or {})})
    )
    (folder / "cold_report_long.csv").write_text(REPORT)
    (folder / "report.html").write_text(f"<!DOCTYPE html><title>{model}</title>")
    return folder
