"""What the tasks of the retraining DAG call. Heavy imports wait until a task runs."""

from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from warehouse.calendar_days import days, days_before
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.settings import read_settings
from warehouse.tables import TRAIN


def check_window(as_of: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Arguments of one training task a model. Fails by name where a date of the window is missing or stale."""
    settings = read_settings()
    train_days, val_days = params["train_days"], params["val_days"]
    window = days(days_before(as_of, train_days + val_days - 1), as_of)
    problems = Freshness(Catalog(settings.warehouse, settings.dataset)).problems((TRAIN, day) for day in window)
    if problems:
        mend = f"run antm2c_etl_history from {window[0]} to {window[-1]}, or backfill antm2c_etl_daily"
        raise AirflowFailException("; ".join(problems) + f". To mend it, {mend}")
    common = {name: params[name] for name in ("train_days", "val_days", "epochs", "batch_size", "seed")}
    return [{"model": model, "as_of": as_of, **common} for model in params["models"]]


def train(
    model: str, as_of: str, train_days: int, val_days: int, epochs: int, batch_size: int, seed: int
) -> dict[str, Any]:
    """Trains and evaluates one model, and returns its summary: where the artifacts lie, and their AUC."""
    arguments = dict(locals())
    from training.cli import main
    from training.errors import TrainingError

    settings = read_settings()
    places = {"warehouse": settings.warehouse, "dataset": settings.dataset, "artifacts": settings.artifacts}
    command = ["train"]
    for name, value in {**places, **arguments}.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    try:
        return main(command)
    except TrainingError as error:
        raise AirflowFailException(str(error)) from error
