"""A run's folder as a run in MLflow: parameters, metrics by segment, files."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.runs.layout import config_file
from training.runs.reading import require_intact
from training.runs.summary import BrokenRunError, RunSummary, read_config, read_summary
from training.tracking.client import artifact_location, locked, tracking
from training.tracking.identity import identity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_FINISHED = "FINISHED"
_ONLY_OVERALL = ("gauc", "ece", "best_reachable_auc", "share")  # figures that segments do not have
_NO_PARAMETERS = ("course", "inputs", "notes")  # figures by epoch, a line per date, and MLflow's own note


def tracked_run(uri: str, folder: Path) -> "Run":
    """Return the MLflow run of a run's folder, and create it if there is none. Raises TrainingError."""
    folder = folder.resolve()
    require_intact(folder)
    run, config = read_summary(folder), read_config(folder)
    metrics = [*_metrics(run), *_metrics_by_epoch(config, folder)]  # everything is read before MLflow is written to
    from mlflow.entities import Metric, Param

    with locked(uri), tracking(uri) as client:
        experiment = _experiment(client, f"antm2c_{run.dataset}", artifact_location(uri))
        tags = identity(folder)
        same = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
        known = client.search_runs([experiment], filter_string=same)
        if known and known[0].info.status == _FINISHED:
            return known[0]
        # An unfinished run was interrupted while it was tracked: logging everything again completes it.
        info = (known[0] if known else _new_run(client, experiment, tags, run, config.get("notes", ""))).info
        client.log_batch(info.run_id, [Metric(name, value, info.start_time, step) for name, value, step in metrics])
        client.log_batch(info.run_id, params=[Param(name, value) for name, value in _parameters(config)])
        client.log_artifacts(info.run_id, str(folder))
        client.set_terminated(info.run_id, _FINISHED)
        return client.get_run(info.run_id)


def _new_run(
    client: "MlflowClient", experiment: str, identity_tags: dict[str, str], run: RunSummary, notes: str
) -> "Run":
    tags = {**identity_tags, "mlflow.note.content": notes, "antm2c.as_of": run.as_of}
    started = round(datetime.fromisoformat(run.started_at).timestamp() * 1000)
    return client.create_run(experiment, start_time=started, tags=tags, run_name=run.name.removeprefix("artifacts_"))


def _experiment(client: "MlflowClient", name: str, location: str | None) -> str:
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(name)
    if known is None:
        try:
            return client.create_experiment(name, artifact_location=location)
        except MlflowException:
            known = client.get_experiment_by_name(name)
            if known is None:  # no other process has created it in the meantime
                raise
    return known.experiment_id


def _metrics(run: RunSummary) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step: auc and others overall; by segment auc/scene/3 or auc/scene_x_item_level/3/few."""
    for name in _ONLY_OVERALL:
        if (value := run.figures[name]) is not None:
            yield name, value, 0
    for segment, figures in run.report.items():
        names = [str(part) for part in vars(segment).values() if part is not None]
        suffix = "".join(f"/{name}" for name in names) if len(names) > 1 else ""  # "overall" has no other name
        for name, value in vars(figures).items():
            if value is not None:
                yield name + suffix, float(value), 0


def _metrics_by_epoch(config: dict[str, Any], folder: Path) -> Iterator[tuple[str, float, int]]:
    """Yield the figures of the training: name, value and step. MLflow's step is the number of the epoch."""
    try:
        course = config["course"]
        for name in ("train_rows", "best_epoch", "rows_per_second"):
            yield name, float(course[name]), 0
        for epoch in course["epochs"]:
            figures = {name: float(value) for name, value in epoch.items() if name != "number"}
            yield from ((f"epoch/{name}", value, epoch["number"]) for name, value in figures.items())
    except KeyError as error:
        raise BrokenRunError(folder, f"{config_file(folder.name)} has no {error}") from error


def _parameters(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted names, such as loop_settings.epochs, with their values. Of a list, yield its first and last item."""
    for name, value in config.items():
        if name in _NO_PARAMETERS:
            continue
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{name}.")
        else:
            yield prefix + name, f"{value[0]} to {value[-1]}" if isinstance(value, list) else str(value)
