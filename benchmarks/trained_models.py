"""Models trained by the command line for a measurement, and how far one leads another."""

import io
import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow as pa

from benchmarks.resources import Usage, run_measured
from training.cli import main
from training.evaluation.auc import AucDifference
from training.evaluation.champion_rule import lead_by_segment
from training.runs.stored_run import load_predictions
from warehouse.catalog import Catalog


@dataclass(frozen=True)
class Run:
    """A finished run's metrics and predictions of the validation rows."""

    metrics: dict[str, Any]
    predictions: pa.Table


@dataclass(frozen=True)
class Lead:
    """The difference between two AUCs on the same rows, with its 95% interval."""

    difference: float
    low: float
    high: float

    def in_words(self) -> str:
        """Return the figures, with signs."""
        return f"{self.difference:+.4f} ({self.low:+.4f} to {self.high:+.4f})"


def train(catalog: Catalog, artifacts: Path, model: str, *arguments: str) -> Run:
    """Train a model with the command line's arguments, and print nothing."""
    place = ["--warehouse", catalog.storage.root, "--dataset", catalog.dataset, "--artifacts", str(artifacts)]
    metrics = quietly("train", *place, "--model", model, "--text-encoder", "lsa", *arguments)
    return Run(metrics, load_predictions(Path(metrics["artifacts"])))


def quietly(*arguments: str) -> dict[str, Any]:
    """Run a training command with these arguments, print nothing, and return its result."""
    with redirect_stdout(io.StringIO()):
        return main(arguments)


def in_own_process(
    catalog: Catalog, artifacts: Path, log: Path, command: str, *arguments: str
) -> tuple[dict[str, Any], Usage]:
    """Run a training command as Airflow does, in a process whose waiting threads sleep. Returns its result and cost."""
    place = ["--warehouse", catalog.storage.root, "--dataset", catalog.dataset, "--artifacts", str(artifacts)]
    line = [sys.executable, "-m", "training", command, *place, *arguments]
    usage = run_measured(line, log)
    return json.loads(log.read_text().splitlines()[-1]), usage


def leads(own: list[Run], others: list[Run], where: str) -> list[AucDifference]:
    """Test each run against the other list's run of the same seed. where: a segment, as lead_by_segment names it.

    Raises RuntimeError if the segment cannot be compared.
    """
    tests = []
    for run, other in zip(own, others, strict=True):
        test = lead_by_segment(run.predictions, other.predictions["logit"].to_numpy())[where]
        if test is None:
            raise RuntimeError(f"{where}: too few rows were clicked, or too few were not, to compare two models")
        tests.append(test)
    return tests


def mean_difference(tests: list[AucDifference]) -> float:
    """Return the mean of the tests' differences."""
    return mean(test.difference for test in tests)
