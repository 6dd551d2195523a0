"""A run's folder as a run of MLflow: parameters, metrics by segment, files."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.evaluation.segments import Figures
from training.runs.layout import METRICS_FILE, SEGMENTS_FILE, config_file
from training.runs.reading import require_intact
from training.tracking.client import alone, artifact_location, tracking
from training.tracking.identity import identity, incomplete

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_FINISHED = "FINISHED"
_OVERALL = ("gauc", "ece", "best_reachable_auc", "share")
_OF_SEGMENT = tuple(field.name for field in fields(Figures))
_NO_PARAMETERS = ("course", "inputs", "notes")  # figures by epoch, a line a date, and MLflow's own note


def tracked_run(uri: str, folder: Path) -> "Run":
    """MLflow's run of a folder, which is tracked now if it was not yet. Raises TrainingError."""
    folder = folder.resolve()
    content = _read(folder)
    from mlflow.entities import Metric, Param

    with alone(uri), tracking(uri) as client:
        experiment = _experiment(client, f"antm2c_{content.dataset}", artifact_location(uri))
        same = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in identity(folder).items())
        known = client.search_runs([experiment], filter_string=same)
        if known and known[0].info.status == _FINISHED:
            return known[0]
        # One that was killed while it was tracked is gone on with.
        run = known[0] if known else _new_run(client, experiment, folder, content)
        run_id, at = run.info.run_id, run.info.start_time
        client.log_batch(run_id, [Metric(name, value, at, step) for name, value, step in content.metrics])
        client.log_batch(run_id, params=[Param(name, value) for name, value in content.parameters])
        client.log_artifacts(run_id, str(folder))
        client.set_terminated(run_id, _FINISHED)
        return client.get_run(run_id)


@dataclass(frozen=True)
class _Content:
    """What MLflow is told of a run. metrics: name, value, step."""

    dataset: str
    as_of: str
    notes: str
    started: datetime
    metrics: list[tuple[str, float, int]]
    parameters: list[tuple[str, str]]


def _read(folder: Path) -> _Content:
    """Raises TrainingError where anything is missing or damaged: what is half tracked would stay so."""
    require_intact(folder)
    try:
        config = json.loads((folder / config_file(folder.name)).read_text(encoding="utf-8"))
        metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
        lines = list(csv.DictReader((folder / SEGMENTS_FILE).read_text(encoding="utf-8").splitlines()))
        return _Content(
            dataset=config["dataset"],
            as_of=config["as_of"],
            notes=config["notes"],
            started=datetime.fromisoformat(config["started_at"]),
            metrics=[*_metrics(metrics, lines), *_course(config["course"])],
            parameters=list(_parameters(config)),
        )
    except (OSError, KeyError) as error:  # a folder of another name, or of another code revision
        raise incomplete(folder, error) from error


def _new_run(client: "MlflowClient", experiment: str, folder: Path, content: _Content) -> "Run":
    tags = {**identity(folder), "mlflow.note.content": content.notes, "antm2c.as_of": content.as_of}
    name = folder.name.removeprefix("artifacts_")
    started = round(content.started.timestamp() * 1000)
    return client.create_run(experiment, start_time=started, tags=tags, run_name=name)


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


def _metrics(metrics: dict[str, Any], segments: list[dict[str, str]]) -> Iterator[tuple[str, float, int]]:
    """auc and the others overall; auc/scene/3, auc/user_level/zero, auc/scene_x_item_level/3/few by segment."""
    for name in _OVERALL:
        if metrics.get(name) is not None:
            yield name, float(metrics[name]), 0
    for line in segments:
        parts = [part for part in (line["scene"], line["user_level"], line["item_level"]) if part]
        path = "/".join([line["segment"], *parts]) if parts else ""
        for name in _OF_SEGMENT:
            if line[name]:  # empty where the segment's rows do not define it
                yield f"{name}/{path}" if path else name, float(line[name]), 0


def _course(course: dict[str, Any]) -> Iterator[tuple[str, float, int]]:
    """What each epoch came to, the epoch being MLflow's step."""
    for name in ("train_rows", "best_epoch", "rows_per_second"):
        yield name, float(course[name]), 0
    for epoch in course["epochs"]:
        yield from (
            (f"epoch/{name}", float(value), epoch["number"]) for name, value in epoch.items() if name != "number"
        )


def _parameters(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """model, as_of, window.train, loop_settings.epochs and so on. Of a list the first and the last."""
    for name, value in config.items():
        if name in _NO_PARAMETERS:
            continue
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{name}.")
        else:
            yield prefix + name, f"{value[0]} to {value[-1]}" if isinstance(value, list) else str(value)
