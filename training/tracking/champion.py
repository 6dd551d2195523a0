"""The champion of a dataset: the version of its registered model in MLflow that has the alias "champion"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrainingError
from training.tracking.client import may_hold_runs, registered_model, tracking, without_credentials
from training.tracking.run_tags import CONFIG_TAG, MODEL_FOLDER, RUN_TAG, identity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

ALIAS = "champion"
CROWNED_TAG = "antm2c.crowned_at"  # of a version: the times at which it became the champion, in UTC
_DESCRIPTION = (
    "Each version is the model of a training run. The version with the alias champion is the one to serve. "
    "Load it with mlflow.pyfunc.load_model."
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
        registered = registered_model(client, model_name(dataset))
        version = registered.aliases.get(ALIAS) if registered else None
        if version is None:
            return None
        found = client.get_model_version(model_name(dataset), version)
        if not found.run_id:
            raise TrainingError(
                f"version {version} of {model_name(dataset)} has the alias champion but belongs to no run: "
                "move the alias to another version in MLflow"
            )
        return Champion(str(found.version), *identity_in(found.tags), found.run_id)


def require_champion(uri: str, dataset: str) -> Champion:
    """Return the dataset's champion. Raises TrainingError if there is none yet."""
    champion = champion_of(uri, dataset)
    if champion is None:
        raise TrainingError(
            f"dataset {dataset} has no champion yet in {without_credentials(uri)}: promote a run with "
            "`python -m training promote`, give the folder of a run as --model, or correct --tracking-uri"
        )
    return champion


def crown(uri: str, dataset: str, run: "Run", page: str) -> Champion:
    """Make a tracked run the champion: register its model, if it is not registered yet, and move the alias.

    page: what MLflow shows about a new version, in Markdown. Raises TrackingError.
    """
    name = model_name(dataset)
    with tracking(uri) as client:
        if registered_model(client, name) is None:
            client.create_registered_model(name, description=_DESCRIPTION)
        of_run = client.search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
        known = [version for version in of_run if version.source == _model_of(run)]  # earlier revisions had another
        version = known[0] if known else _new_version(client, name, run, page)
        crowned = [*version.tags.get(CROWNED_TAG, "").split(), datetime.now(UTC).isoformat(timespec="seconds")]
        client.set_model_version_tag(name, version.version, CROWNED_TAG, " ".join(crowned))
        client.set_registered_model_alias(name, ALIAS, version.version)
        return Champion(str(version.version), *identity_in(version.tags), run.info.run_id)


def _new_version(client: "MlflowClient", name: str, run: "Run", page: str) -> "ModelVersion":
    tags = {tag: run.data.tags[tag] for tag in (RUN_TAG, CONFIG_TAG)}
    return client.create_model_version(name, _model_of(run), run.info.run_id, tags=tags, description=page)


def _model_of(run: "Run") -> str:
    return f"{run.info.artifact_uri}/{MODEL_FOLDER}"


def identity_in(tags: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of the run's folder and the hash of its configuration, from a version's tags."""
    return tags.get(RUN_TAG, ""), tags.get(CONFIG_TAG, "")


def model_name(dataset: str) -> str:
    """Return the name of the dataset's registered model."""
    return f"antm2c_{dataset}"
