"""How a finished run's folder and the files that others read of it are named. Imports neither torch nor pyarrow."""

import re
from datetime import datetime

METRICS_FILE, REPORT_FILE, SEGMENTS_FILE = "val_metrics.json", "report.html", "cold_report_long.csv"
PREDICTIONS_FILE = "predictions.parquet"
_FOLDER = re.compile(r"artifacts_([A-Za-z0-9_]+)_run_\d{8}-\d{6}")


def folder_name(model: str, finished: datetime) -> str:
    """artifacts_{model}_run_YYYYMMDD-HHMMSS."""
    return f"artifacts_{model}_run_{finished:%Y%m%d-%H%M%S}"


def model_of(name: str) -> str | None:
    """The model in a folder's name, or None where finished runs are named otherwise."""
    match = _FOLDER.fullmatch(name)
    return match[1] if match else None


def config_file(name: str) -> str:
    """The configuration's file in a run's folder, by the folder's name."""
    return f"{model_of(name) or 'model'}_config.json"
