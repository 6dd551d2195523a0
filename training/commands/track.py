"""The track command: finished runs as MLflow keeps them."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from training.progress import say
from training.tracking.tracked_runs import tracked_run


def track(arguments: Namespace) -> dict[str, Any]:
    """Parameters, metrics by segment and files of every run. A run that is tracked already is left as it is."""
    tracked = {}
    for folder in map(Path, arguments.artifacts):
        run = tracked_run(arguments.tracking_uri, folder)
        tracked[folder.name] = run.info.run_id
        say(f"{folder.name} is MLflow's run {run.info.run_id}")
    return {"tracked": tracked}
