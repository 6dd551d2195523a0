"""The names of a finished run's folder and of its files. This module does not load torch, pyarrow or numpy."""

import re
from datetime import datetime

METRICS_FILE, REPORT_FILE, SEGMENTS_FILE = "val_metrics.json", "report.html", "cold_report_long.csv"
PREDICTIONS_FILE = "predictions.parquet"
_FOLDER = re.compile(r"artifacts_([A-Za-z0-9_]+)_run_\d{8}-\d{6}")


def folder_name(model: str, finished: datetime) -> str:
    """Return artifacts_{model}_run_YYYYMMDD-HHMMSS."""
    return f"artifacts_{model}_run_{finished:%Y%m%d-%H%M%S}"


def model_of(name: str) -> str | None:
    """Return the name of the model from the name of a run's folder, or None if it is not the folder of a run."""
    match = _FOLDER.fullmatch(name)
    return match[1] if match else None


def config_file(name: str) -> str:
    """Return the name of the configuration file in a run's folder. name: that of the folder."""
    return f"{model_of(name) or 'model'}_config.json"
