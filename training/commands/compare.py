"""The compare command: compare runs on the same validation rows."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.evaluation.auc import auc_difference
from training.evaluation.metrics import evaluated
from training.evaluation.prediction_table import scored
from training.progress import say
from training.runs.stored_run import comparable_predictions, load_config

_COLUMNS = ("auc", "auc_low", "auc_high", "gauc", "logloss", "ece")


def compare(arguments: Namespace) -> dict[str, Any]:
    """Print every run's metrics, and test each other run's AUC against that of the first run, paired by row."""
    folders = [Path(folder) for folder in arguments.artifacts]
    models = [load_config(folder).model for folder in folders]
    tables = comparable_predictions(folders)
    rows = scored(tables[0])
    runs = []
    for folder, model, table in zip(folders, models, tables, strict=True):
        metrics, _ = evaluated(table, None)
        logits = table["logit"].to_numpy()
        test = auc_difference(rows.logit, logits, rows.label, rows.user) if table is not tables[0] else None
        against = asdict(test) if test else None
        runs.append({"artifacts": str(folder.resolve()), "model": model, **metrics, "against_first": against})
    for line in _lines(runs):
        say(line)
    return {"runs": runs}


def _lines(runs: list[dict[str, Any]]) -> list[str]:
    names = [Path(run["artifacts"]).name.removeprefix("artifacts_") for run in runs]
    width = max(map(len, names))
    lines = ["  ".join(["run".ljust(width), *(name.rjust(8) for name in _COLUMNS), "against the first (95%, p)"])]
    for name, run in zip(names, runs, strict=True):
        figures = ["-".rjust(8) if run[name] is None else f"{run[name]:8.4f}" for name in _COLUMNS]
        test = run["against_first"]
        versus = "{difference:+.4f} ({low:+.4f}, {high:+.4f}), {p_value:.3g}".format(**test) if test else ""
        lines.append("  ".join([name.ljust(width), *figures, versus]).rstrip())
    return lines
