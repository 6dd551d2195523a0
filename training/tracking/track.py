"""The track command: finished runs as MLflow keeps them."""

import csv
import hashlib
import json
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import TrainingError
from training.progress import say
from training.run_folder import METRICS_FILE, SEGMENTS_FILE, config_file
from training.tracking.client import artifact_location, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run

RUN_TAG, CONFIG_TAG = (
    "antm2c.run",
    "antm2c.config_sha256",
)  # the name of the run's folder, and what tells namesakes apart
_FINISHED = "FINISHED"
_OVERALL = ("gauc", "ece", "best_reachable_auc", "share")
_OF_SEGMENT = ("rows", "positives", "auc", "auc_low", "auc_high", "logloss", "ctr", "predicted_ctr")
_NO_PARAMETERS = ("course", "inputs", "notes")  # figures by epoch, a line a date, and MLflow's own note


def track(arguments: Namespace) -> dict[str, Any]:
    """Parameters, metrics by segment and files of every run. A run that is tracked already is left as it is."""
    tracked = {}
    for folder in map(Path, arguments.artifacts):
        run = tracked_run(arguments.tracking_uri, folder)
        tracked[folder.name] = run.info.run_id
        say(f"{folder.name} is MLflow's run {run.info.run_id}")
    return {"tracked": tracked}


def tracked_run(uri: str, folder: Path) -> "Run":
    """MLflow's run of a folder, which is tracked now if it was not yet. Raises TrainingError."""
    folder = folder.resolve()
    try:
        config = json.loads((folder / config_file(folder.name)).read_text(encoding="utf-8"))
        metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
        segments = list(csv.DictReader((folder / SEGMENTS_FILE).read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{folder} is not the complete folder of a run ({error}): train again") from error
    with tracking(uri) as client:
        experiment = _experiment(client, f"antm2c_{config['dataset']}", artifact_location(uri))
        same = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in identity(folder).items())
        known = client.search_runs([experiment], filter_string=same)
        if known and known[0].info.status == _FINISHED:
            return known[0]
        # One that was killed while it was tracked is gone on with.
        run = known[0] if known else _new_run(client, experiment, folder, config)
        run_id, started = run.info.run_id, run.info.start_time
        client.log_batch(run_id, [*_metrics(metrics, segments, started), *_course(config["course"], started)])
        client.log_batch(run_id, params=list(_parameters(config)))
        client.log_artifacts(run_id, str(folder))
        client.set_terminated(run_id, _FINISHED)
        return client.get_run(run_id)


def identity(folder: Path) -> dict[str, str]:
    """Tags by which a run's folder is known. Folders of several people may have one name. Raises TrainingError."""
    try:
        config = (folder / config_file(folder.name)).read_bytes()
    except OSError as error:
        raise TrainingError(f"{folder} is not the complete folder of a run ({error}): train again") from error
    return {RUN_TAG: folder.name, CONFIG_TAG: hashlib.sha256(config).hexdigest()}


def _new_run(client: "MlflowClient", experiment: str, folder: Path, config: dict[str, Any]) -> "Run":
    tags = {**identity(folder), "mlflow.note.content": config["notes"], "antm2c.as_of": config["as_of"]}
    started = datetime.fromisoformat(config["started_at"])
    name = folder.name.removeprefix("artifacts_")
    return client.create_run(experiment, start_time=round(started.timestamp() * 1000), tags=tags, run_name=name)


def _experiment(client: "MlflowClient", name: str, location: str | None) -> str:
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(name)
    if known is None:
        try:
            return client.create_experiment(name, artifact_location=location)
        except MlflowException:
            known = client.get_experiment_by_name(name)
            if known is None:  # else another process has made it just now
                raise
    return known.experiment_id


def _metrics(metrics: dict[str, Any], segments: list[dict[str, str]], at: int) -> Iterator["Metric"]:
    """auc and the others overall; auc/scene/3, auc/user_level/zero, auc/scene_x_item_level/3/few by segment."""
    from mlflow.entities import Metric

    for name in _OVERALL:
        if metrics.get(name) is not None:
            yield Metric(name, metrics[name], at, 0)
    for line in segments:
        parts = [part for part in (line["scene"], line["user_level"], line["item_level"]) if part]
        path = "/".join([line["segment"], *parts]) if parts else ""
        for name in _OF_SEGMENT:
            if line[name]:  # empty where the segment's rows do not define it
                yield Metric(f"{name}/{path}" if path else name, float(line[name]), at, 0)


def _course(course: dict[str, Any], at: int) -> Iterator["Metric"]:
    """What each epoch came to, the epoch being MLflow's step."""
    from mlflow.entities import Metric

    for name in ("train_rows", "best_epoch", "rows_per_second"):
        yield Metric(name, course[name], at, 0)
    for epoch in course["epochs"]:
        for name, value in epoch.items():
            if name != "number":
                yield Metric(f"epoch/{name}", value, at, epoch["number"])


def _parameters(config: dict[str, Any], prefix: str = "") -> Iterator["Param"]:
    """model, as_of, window.train, loop_settings.epochs and so on. Of a list the first and the last."""
    from mlflow.entities import Param

    for name, value in config.items():
        if name in _NO_PARAMETERS:
            continue
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{name}.")
        else:
            yield Param(prefix + name, f"{value[0]} to {value[-1]}" if isinstance(value, list) else str(value))
