"""The champion: the version of the registered model that bears the alias of that name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import TrackingError
from training.tracking.client import begun, tracking
from training.tracking.track import RUN_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import RegisteredModel

_ALIAS = "champion"
_DESCRIPTION = (
    "Folders of training runs; the one with the alias champion serves. training.artifacts.load_run reads them."
)
_MISSING = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True)
class Champion:
    """A registered version, the name of its run's folder, and MLflow's id of that run."""

    version: str
    run: str
    run_id: str


def champion_of(uri: str, dataset: str) -> Champion | None:
    """The dataset's champion, where there is one. Raises TrackingError."""
    if not begun(uri):
        return None
    with tracking(uri) as client:
        registered = _registered(client, _model_name(dataset))
        version = registered.aliases.get(_ALIAS) if registered else None
        if version is None:
            return None
        found = client.get_model_version(_model_name(dataset), version)
        if not found.run_id:
            raise TrackingError(
                f"version {version} of {_model_name(dataset)} is the champion, and of no run: move the alias"
            )
        return Champion(str(found.version), found.tags.get(RUN_TAG, ""), found.run_id)


def crown(uri: str, dataset: str, run: "Run") -> Champion:
    """Makes a tracked run the champion: one version of its own, and the alias on it. Raises TrackingError."""
    name, folder = _model_name(dataset), run.data.tags[RUN_TAG]
    with tracking(uri) as client:
        if _registered(client, name) is None:
            client.create_registered_model(name, description=_DESCRIPTION)
        known = client.search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
        version = (
            known[0]
            if known
            else client.create_model_version(name, run.info.artifact_uri, run.info.run_id, tags={RUN_TAG: folder})
        )
        client.set_registered_model_alias(name, _ALIAS, version.version)
        return Champion(str(version.version), folder, run.info.run_id)


def _model_name(dataset: str) -> str:
    return f"antm2c_{dataset}"


def _registered(client: "MlflowClient", name: str) -> "RegisteredModel | None":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != _MISSING:
            raise
        return None
