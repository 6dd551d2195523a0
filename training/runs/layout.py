"""The names of a finished run's folder and of the files in it. Loads neither torch, pyarrow nor numpy."""

import re
from datetime import datetime

METRICS_FILE, REPORT_FILE, SEGMENTS_FILE = "val_metrics.json", "report.html", "cold_report_long.csv"
PREDICTIONS_FILE = "predictions.parquet"
_FOLDER = re.compile(r"artifacts_([A-Za-z0-9_]+)_run_\d{8}-\d{6}")


def folder_name(model: str, finished: datetime) -> str:
    """Return artifacts_{model}_run_YYYYMMDD-HHMMSS."""
    return f"artifacts_{model}_run_{finished:%Y%m%d-%H%M%S}"


def model_of(name: str) -> str | None:
    """Return the model in the name of a run's folder, or None if the name is not that of a finished run."""
    match = _FOLDER.fullmatch(name)
    return match[1] if match else None


def config_file(name: str) -> str:
    """Return the name of the configuration file in the folder of this name."""
    return f"{model_of(name) or 'model'}_config.json"
