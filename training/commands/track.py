"""The track command: record finished runs in MLflow."""

from argparse import Namespace
from typing import Any

from training.progress import say
from training.tracking.run_tags import run_folders
from training.tracking.tracked_runs import tracked_run


def track(arguments: Namespace) -> dict[str, Any]:
    """Log each run's parameters, metrics and files. Runs that are already in MLflow are left unchanged."""
    tracked = {}
    for folder in run_folders(arguments.artifacts):
        run = tracked_run(arguments.tracking_uri, folder)
        tracked[folder.name] = run.info.run_id
        say(f"{folder.name} is MLflow's run {run.info.run_id}")
    return {"tracked": tracked}
