"""The champion of a dataset: the version of its registered model in MLflow that has the alias "champion"."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrainingError
from training.tracking.client import may_hold_runs, registered_model, tracking
from training.tracking.run_tags import CONFIG_TAG, RUN_TAG, identity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

ALIAS = "champion"
_DESCRIPTION = (
    "Each version is the folder of a training run. The version with the alias champion is the one to serve. "
    "Load a folder with training.runs.stored_run.load_run."
)


@dataclass(frozen=True)
class Champion:
    """A registered version. run: the name of its run's folder. config: the hash of the run's configuration file.

    run_id: the run's id in MLflow.
    """

    version: str
    run: str
    config: str
    run_id: str

    def is_of(self, folder: Path) -> bool:
        """Return whether this folder holds the champion's run. Raises BrokenRunError."""
        return {RUN_TAG: self.run, CONFIG_TAG: self.config} == identity(folder)


def champion_of(uri: str, dataset: str) -> Champion | None:
    """Return the dataset's champion, or None if there is none yet. Raises TrainingError."""
    if not may_hold_runs(uri):
        return None
    with tracking(uri) as client:
        registered = registered_model(client, _model_name(dataset))
        version = registered.aliases.get(ALIAS) if registered else None
        if version is None:
            return None
        found = client.get_model_version(_model_name(dataset), version)
        if not found.run_id:
            raise TrainingError(
                f"version {version} of {_model_name(dataset)} has the alias champion but belongs to no run: "
                "move the alias to another version in MLflow"
            )
        return Champion(str(found.version), *_identity_in(found.tags), found.run_id)


def crown(uri: str, dataset: str, run: "Run") -> Champion:
    """Make a run the champion: register a version for it, if it has none, and move the alias. Raises TrackingError."""
    name = _model_name(dataset)
    with tracking(uri) as client:
        if registered_model(client, name) is None:
            client.create_registered_model(name, description=_DESCRIPTION)
        known = client.search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
        version = known[0] if known else _new_version(client, name, run)
        client.set_registered_model_alias(name, ALIAS, version.version)
        return Champion(str(version.version), *_identity_in(version.tags), run.info.run_id)


def _new_version(client: "MlflowClient", name: str, run: "Run") -> "ModelVersion":
    tags = {tag: run.data.tags[tag] for tag in (RUN_TAG, CONFIG_TAG)}
    return client.create_model_version(name, run.info.artifact_uri, run.info.run_id, tags=tags)


def _identity_in(tags: Mapping[str, str]) -> tuple[str, str]:
    return tags.get(RUN_TAG, ""), tags.get(CONFIG_TAG, "")


def _model_name(dataset: str) -> str:
    return f"antm2c_{dataset}"
