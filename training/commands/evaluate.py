"""The evaluate command: compute a run's metrics again from its saved model and its validation rows."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from training.data.training_table import read_keys
from training.errors import TrainingError
from training.evaluation.model_evaluation import evaluate_model
from training.progress import say
from training.runs.stored_run import load_run
from training.runs.validation_rows import load_validation
from training.window import require_published, tables_of
from warehouse.catalog import Catalog


def evaluate(arguments: Namespace) -> dict[str, Any]:
    """Compute the metrics of a run's model on its validation dates. Raises TrainingError."""
    run = load_run(Path(arguments.artifacts), arguments.text_encoder)
    config, dates = run.config, run.config.window.val
    catalog = Catalog(arguments.warehouse or config.warehouse, config.dataset)
    catalog.require_scenes()
    current = require_published(catalog, dates, allow_stale=True, tables=tables_of(config.model))
    changed = sorted({entry.date for entry in current if entry not in config.inputs})
    if changed:
        say(f"the tables of {', '.join(changed)} have changed since this run, so its metrics may differ")
    (model, validation), keys = load_validation(run, catalog, dates, run.folder.parent), read_keys(catalog, dates)
    if not len(validation):
        raise TrainingError(
            f"there are no rows for the validation dates {', '.join(dates)} in {catalog.storage.root}: pass the right "
            "--warehouse, or add raw logs and run the stages"
        )
    _, metrics, _ = evaluate_model(model, run.space, catalog, dates, validation, keys, config.few_max, config.text_mode)
    return {"artifacts": str(run.folder.resolve()), "model": config.model, "as_of": config.as_of, **metrics}
