"""What the tasks of the retraining DAG call."""

from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from orchestration.assets import MODELS
from orchestration.telling import tell
from orchestration.training_command import RunCommand
from training.errors import TrainingError
from training.model_names import has_content
from training.window import require_published, window_ending
from warehouse.catalog import Catalog
from warehouse.errors import StorageError, WarehouseError
from warehouse.settings import read_settings
from warehouse.tables import TRAIN


def newest_date() -> str | None:
    """The newest date that has a training table; None where there is none."""
    settings = read_settings()
    return max(Catalog(settings.warehouse, settings.dataset).dates(TRAIN), default=None)


def check_window(as_of: str, params: dict[str, Any], dag_run: Any, ti: Any) -> list[dict[str, Any]]:
    """Arguments of one training task a model. Fails by name where a date of the window is missing or stale.

    A scheduled run is skipped where the window holds no date at all: no logs have come for weeks.
    """
    settings = read_settings()
    try:
        catalog = Catalog(settings.warehouse, settings.dataset)
        window = window_ending(as_of, params["train_days"], params["val_days"])
        if dag_run.run_type == "scheduled" and not set(window.dates) & set(catalog.dates(TRAIN)):
            reason = f"no training table from {window.dates[0]} to {window.dates[-1]}"
            tell(ti, reason)
            raise AirflowSkipException(reason)
        require_published(catalog, window.dates, allow_stale=False)
    except StorageError:  # a server that is down now may be there at the next try
        raise
    except (TrainingError, WarehouseError) as error:
        raise AirflowFailException(str(error)) from error
    names = ("train_days", "val_days", "text_encoder", "epochs", "batch_size", "seed", "notes")
    common = {"as_of": as_of, **{name: params[name] for name in names}}
    return [{"model": model, **common} for model in params["models"]]


def embed(as_of: str, params: dict[str, Any], run_command: RunCommand) -> dict[str, Any] | None:
    """Embeds the window's texts once for all models; nothing where no model of the run sees texts."""
    if not any(map(has_content, params["models"])):
        return None
    names = ("train_days", "val_days", "text_encoder", "seed")
    return run_command("embed", {**_places(), "as_of": as_of, **{name: params[name] for name in names}})


def train(
    model: str,
    as_of: str,
    train_days: int,
    val_days: int,
    text_encoder: str,
    epochs: int,
    batch_size: int,
    seed: int,
    notes: str | None,
    outlet_events: Any,
    run_command: RunCommand,
) -> str:
    """Trains and evaluates one model. Returns the folder of its artifacts; its AUC goes into the asset's event."""
    asked = locals().items()
    given = {name: value for name, value in asked if name not in ("outlet_events", "run_command") and value is not None}
    run = run_command("train", {**_places(), **given})
    told = ("artifacts", "model", "as_of", "rows", "auc", "auc_low", "auc_high")
    outlet_events[MODELS].extra = {name: run[name] for name in told}
    return run["artifacts"]


def compare(runs: list[str], run_command: RunCommand) -> list[dict[str, Any]]:
    """Puts the runs' artifacts side by side on the same validation rows. Returns AUC and the test against the first."""
    compared = run_command("compare", {"artifacts": list(runs)})["runs"]
    return [{name: run[name] for name in ("model", "auc", "auc_low", "auc_high", "against_first")} for run in compared]


def _places() -> dict[str, str]:
    settings = read_settings()
    return {"warehouse": settings.warehouse, "dataset": settings.dataset, "artifacts": settings.artifacts}
