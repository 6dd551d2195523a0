"""Write folders of finished runs to measure the board with. They have the files that the board reads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from training.evaluation.alpha import alpha_by
from training.evaluation.cold_start_report import write_long
from training.evaluation.metrics import evaluated
from training.evaluation.segments import LEVELS, Report
from training.model_names import MODEL_NAMES, has_content
from training.runs.layout import METRICS_FILE, REPORT_FILE, SEGMENTS_FILE, folder_name
from training.runs.writing import write_json
from warehouse.tables import SCENES

_ROWS = 400
_EVALUATED = 24  # distinct sets of figures; further runs repeat them
_FIRST_START = datetime(2023, 11, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Evaluated:
    """The figures of a run: its metrics, and its report by segment."""

    metrics: dict[str, Any]
    report: Report


def write_runs(artifacts: Path, dataset: str, number: int, dates: list[str]) -> None:
    """Write `number` runs: one of each model for the first date, then for the next date, and so on."""
    figures = [evaluated_rows(seed) for seed in range(_EVALUATED)]
    for run in range(number):
        model, as_of = MODEL_NAMES[run % len(MODEL_NAMES)], dates[run // len(MODEL_NAMES) % len(dates)]
        write_run_folder(
            artifacts, dataset, model, as_of, _FIRST_START + timedelta(minutes=run), figures[run % _EVALUATED]
        )


def evaluated_rows(seed: int) -> Evaluated:
    """Evaluate random predictions whose click probabilities are known."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=_ROWS)
    probability = 1 / (1 + np.exp(-logit))
    predictions = pa.table(
        {
            "user_id": pa.array([f"u{user}" for user in rng.integers(0, 80, _ROWS)]).dictionary_encode(),
            "scene": pa.array(rng.choice(SCENES, _ROWS), pa.int32()),
            "label": pa.array((rng.random(_ROWS) < probability).astype(np.int32)),
            "logit": (logit + rng.normal(size=_ROWS)).astype(np.float32),
            "probability": probability,
            "user_level": pa.array(rng.choice(LEVELS, _ROWS, p=(0.1, 0.2, 0.7))).dictionary_encode(),
            "item_level": pa.array(rng.choice(LEVELS, _ROWS, p=(0.1, 0.2, 0.7))).dictionary_encode(),
            "alpha": rng.random(_ROWS),
        }
    )
    metrics, report = evaluated(predictions, probability)
    return Evaluated({**metrics, "alpha_by": alpha_by(predictions)}, report)


def write_run_folder(
    artifacts: Path, dataset: str, model: str, as_of: str, started: datetime, figures: Evaluated
) -> Path:
    """Write one run's folder, named after the time when it started."""
    folder = artifacts / folder_name(model, started)
    folder.mkdir(parents=True)
    metrics = {name: value for name, value in figures.metrics.items() if name != "alpha_by" or has_content(model)}
    write_json(folder / METRICS_FILE, {"model": model, "as_of": as_of, **metrics})
    write_json(folder / f"{model}_config.json", {"model": model, "dataset": dataset, "started_at": started.isoformat()})
    write_long(figures.report, folder / SEGMENTS_FILE)
    (folder / REPORT_FILE).write_text("<!DOCTYPE html><title>a report</title>", encoding="utf-8")
    return folder
