"""The functions that tasks of the retraining DAG call to check the window, embed texts, train and compare."""

import logging
from typing import Any

from orchestration.assets import MODELS
from orchestration.task_failures import failing_with_sentence, skip
from orchestration.training_command import RunCommand
from training.model_names import reads_texts
from training.window import available_window, require_published, tables_of, window_ending
from warehouse.catalog import Catalog
from warehouse.settings import read_settings
from warehouse.tables import TRAIN

log = logging.getLogger(__name__)

_FOR_EMBEDDING = ("val_days", "text_encoder", "seed")
_FOR_TRAINING = ("val_days", "text_encoder", "epochs", "batch_size", "seed", "notes")
_IN_EVENT = ("artifacts", "model", "as_of", "train_days", "rows", "auc", "auc_low", "auc_high")
_IN_COMPARISON = ("model", "auc", "auc_low", "auc_high", "against_first")


def newest_date() -> str | None:
    """Return the newest date that has a training table, or None if there is no training table."""
    settings = read_settings()
    return max(Catalog(settings.warehouse, settings.dataset).dates(TRAIN), default=None)


@failing_with_sentence(log)
def check_window(as_of: str, params: dict[str, Any], dag_run: Any, ti: Any) -> list[dict[str, Any]]:
    """Check the dates of the window, and return the keyword arguments of `train`, one dict for each model.

    They contain the number of training days, so that all models train on the same days. Fails, naming the dates, if
    tables that the models read are missing or stale. Skips a scheduled run if no date of the window has a training
    table, because no logs have arrived for weeks.
    """
    settings = read_settings()
    days = (params["train_days"], params["val_days"])
    catalog = Catalog(settings.warehouse, settings.dataset)
    wanted = window_ending(as_of, *days)
    if dag_run.run_type == "scheduled" and not set(wanted.dates) & set(catalog.dates(TRAIN)):
        skip(ti, f"no training table from {wanted.dates[0]} to {wanted.dates[-1]}")
    window = available_window(catalog, as_of, *days)
    tables = dict.fromkeys(table for model in params["models"] for table in tables_of(model))
    require_published(catalog, window.dates, allow_stale=False, tables=tuple(tables))
    taken, first, last = len(window.train), window.train[0], window.train[-1]
    log.info("The window has %s training days, %s to %s; the form asked for at most %s", taken, first, last, days[0])
    form = {name: params[name] for name in _FOR_TRAINING if params[name] is not None}
    request = {"as_of": as_of, "train_days": taken, **form}
    return [{"request": {"model": model, **request}} for model in params["models"]]


def embed(as_of: str, train_days: str, params: dict[str, Any], run_command: RunCommand) -> dict[str, Any] | None:
    """Embed the texts of the window once for all models, unless no model of the run uses texts."""
    if not any(map(reads_texts, params["models"])):
        return None
    form = {name: params[name] for name in _FOR_EMBEDDING}
    return run_command("embed", {**locations(), "as_of": as_of, "train_days": train_days, **form})


def train(request: dict[str, Any], outlet_events: Any, run_command: RunCommand) -> str:
    """Train and evaluate one model, add its AUC to the asset event, and return the folder of its run.

    request: the model, the as-of date and the form's values, by the names of the command's options.
    """
    run = run_command("train", {**locations(), **request})
    outlet_events[MODELS].extra = {name: run[name] for name in _IN_EVENT}
    return run["artifacts"]


def compare(runs: list[str], params: dict[str, Any], run_command: RunCommand) -> list[dict[str, Any]]:
    """Compare the runs on the same validation rows. Returns the AUC of each, and its test against the first.

    A model whose training failed is listed as failed.
    """
    compared = run_command("compare", {"artifacts": list(runs)})["runs"]
    lines = [{name: run[name] for name in _IN_COMPARISON} for run in compared]
    failed = [model for model in params["models"] if model not in {line["model"] for line in lines}]
    if failed:
        log.warning("Not compared, because their training failed: %s", ", ".join(failed))
    return [*lines, *({"model": model, "failed": True} for model in failed)]


def locations() -> dict[str, str]:
    """Return where the tables and the runs are, by the names of the commands' options."""
    settings = read_settings()
    return {"warehouse": settings.warehouse, "dataset": settings.dataset, "artifacts": settings.artifacts}
