"""Record the folder of a run as a run in MLflow."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from training.runs.stored_run import load_config
from training.runs.summary import RunSummary, read_config, read_summary
from training.tracking.client import artifact_location, tracking
from training.tracking.contents import description, metrics, metrics_by_epoch, parameters
from training.tracking.lock import locked
from training.tracking.pyfunc_model import write_pyfunc_model
from training.tracking.run_tags import AS_OF_TAG, MODEL_FOLDER, identity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_FINISHED = "FINISHED"


def tracked_run(uri: str, folder: Path) -> "Run":
    """Return MLflow's run of this folder. If there is none yet, record it first. Raises TrainingError."""
    folder = folder.resolve()
    load_config(folder)  # a run that does not fit this code cannot become a model
    summary, config = read_summary(folder), read_config(folder)
    # Everything is read before MLflow is written to.
    figures = [*metrics(summary), *metrics_by_epoch(config, folder)]
    note = description(summary, config)
    from mlflow.entities import Metric, Param

    with locked(uri), tracking(uri) as client:
        run = _known_or_new(client, uri, folder, summary, note)
    with tracking(uri) as client, tempfile.TemporaryDirectory() as temporary:
        if run.info.status == _FINISHED and client.list_artifacts(run.info.run_id, MODEL_FOLDER):
            return run
        # It may be one whose tracking was interrupted, or is under way elsewhere: logging the same twice does no harm.
        run_id, started = run.info.run_id, run.info.start_time
        client.log_batch(run_id, [Metric(name, value, started, step) for name, value, step in figures])
        client.log_batch(run_id, params=[Param(name, value) for name, value in parameters(config)])
        client.log_artifacts(run_id, str(folder))
        model = Path(temporary) / MODEL_FOLDER
        write_pyfunc_model(folder, model)
        client.log_artifacts(run_id, str(model), MODEL_FOLDER)
        client.set_terminated(run_id, _FINISHED)
        return client.get_run(run_id)


def _known_or_new(client: "MlflowClient", uri: str, folder: Path, summary: RunSummary, note: str) -> "Run":
    experiment = _experiment(client, f"antm2c_{summary.dataset}", artifact_location(uri))
    tags = identity(folder)
    same = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
    known = client.search_runs([experiment], filter_string=same)
    if known:
        return known[0]
    tags |= {"mlflow.note.content": note, AS_OF_TAG: summary.as_of}
    started = round(datetime.fromisoformat(summary.started_at).timestamp() * 1000)
    return client.create_run(experiment, start_time=started, tags=tags, run_name=folder.name.removeprefix("artifacts_"))


def _experiment(client: "MlflowClient", name: str, location: str | None) -> str:
    known = client.get_experiment_by_name(name)
    return known.experiment_id if known else client.create_experiment(name, artifact_location=location)
