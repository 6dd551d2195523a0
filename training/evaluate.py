"""The evaluate command: a run's folder and its validation rows give its metrics again."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from torch import nn

from training.artifacts import Run, load_run
from training.config import RunConfig
from training.data.features import FeatureSpace
from training.data.reading import read_keys
from training.data.rows import Rows, load_rows
from training.errors import TrainingError
from training.evaluation.alpha import alpha_by, alphas, rows_without_text
from training.evaluation.gates import GateStatistics
from training.evaluation.metrics import evaluated
from training.evaluation.predictions import predictions_table
from training.evaluation.segments import Report
from training.evaluation.truth import click_probabilities
from training.loop import predict
from training.models.content import ContentModel
from training.progress import say
from training.text.content import content_of
from training.window import require_published
from warehouse.catalog import Catalog


def evaluate(arguments: Namespace) -> dict[str, Any]:
    """The metrics of a run's model on the validation dates of its window, computed anew."""
    run = load_run(Path(arguments.artifacts))
    config, dates = run.config, run.config.window.val
    catalog = Catalog(arguments.warehouse or config.warehouse, config.dataset)
    now = require_published(catalog, dates, allow_stale=True)
    changed = [entry.date for entry in now if entry not in config.inputs]
    if changed:
        say(f"the training table of {', '.join(changed)} has changed since this run: its metrics may differ")
    validation, keys = load_validation(run, catalog, dates, run.folder.parent), read_keys(catalog, dates)
    if not len(validation):
        raise TrainingError(f"the validation dates {', '.join(dates)} hold no rows in {catalog.storage.root}")
    _, metrics, _ = evaluate_model(run.model, run.space, config, catalog, validation, keys)
    return {"artifacts": str(run.folder.resolve()), **metrics}


def load_validation(run: Run, catalog: Catalog, dates: Sequence[str], cached_in: Path) -> Rows:
    """The rows of dates as the run's model takes them. cached_in: the artifacts folder that keeps embedded texts."""
    texts = None
    if run.text_space and isinstance(run.model, ContentModel):
        content = content_of(catalog, dates, run.text_space, cached_in)
        run.model.look_up_in(content.table)
        texts = content.texts
    return load_rows(catalog, dates, run.space, texts)


def evaluate_model(
    model: nn.Module, space: FeatureSpace, config: RunConfig, catalog: Catalog, validation: Rows, keys: pa.Table
) -> tuple[pa.Table, dict[str, Any], Report]:
    """Predictions, val_metrics and the cold-start report on validation rows; keys are theirs, in the same order."""
    gates = GateStatistics()
    logits = predict(model, validation, gates).numpy()
    predictions = predictions_table(keys, validation, logits, space, config.few_max)
    truth = click_probabilities(catalog, config.window.val, predictions)
    metrics, report = evaluated(predictions, truth)
    if of_gates := gates.report():
        metrics["gates"] = of_gates
    if isinstance(model, ContentModel) and config.text_settings:
        predictions = predictions.append_column("alpha", pa.array(alphas(model, validation)))
        metrics["alpha_by"] = alpha_by(predictions)
        metrics["rows_without_text"] = rows_without_text(validation, config.text_settings.mode)
    return predictions, {"model": config.model, "as_of": config.as_of, **metrics}, report
