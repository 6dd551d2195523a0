"""Read the figures of finished runs, for code that only shows them. Does not load torch, pyarrow or numpy."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.evaluation.segments import Figures, Report, Segment
from training.runs.layout import METRICS_FILE, SEGMENTS_FILE, config_file, model_of

FiguresBy = Mapping[str, Mapping[str, float | None]]  # by kind of segment, then by the segment's name

_DATASET = re.compile(r"[A-Za-z0-9_]+")
_FIGURES = ("auc", "auc_low", "auc_high", "best_reachable_auc", "share", "gauc", "logloss", "ece")


class BrokenRunError(TrainingError):
    """A run's folder cannot be read. The message says which one, and what is wrong with it."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"{folder}: {problem}; train again, or remove the folder")


@dataclass(frozen=True)
class RunSummary:
    """The figures of a finished run. Undefined figures are None.

    config: the configuration as it was written. figures: over all rows, by name. report: all figures by segment.
    auc_by, best_by (best reachable AUC) and alpha_by (mean weight of the content tower): by kind of segment and its
    name; the last two are empty if the run lacks them.
    """

    name: str
    model: str
    dataset: str
    as_of: str
    started_at: str
    config: Mapping[str, Any]
    rows: int
    positives: int
    figures: Mapping[str, float | None]
    report: Report
    auc_by: FiguresBy
    best_by: FiguresBy
    alpha_by: FiguresBy


def runs_in(artifacts: Path) -> set[Path]:
    """Return the folders of all finished runs. Empty if `artifacts` does not exist."""
    try:
        with os.scandir(artifacts) as entries:
            return {artifacts / entry.name for entry in entries if model_of(entry.name) and _is_folder(entry)}
    except FileNotFoundError:
        return set()


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def read_summary(folder: Path) -> RunSummary:
    """Read the figures of a run. Raises BrokenRunError."""
    model = model_of(folder.name)
    if model is None:
        raise BrokenRunError(folder, "the name of a run's folder must be artifacts_{model}_run_YYYYMMDD-HHMMSS")
    metrics, config = _parsed(folder / METRICS_FILE, _json_object), read_config(folder)
    report = _parsed(folder / SEGMENTS_FILE, _report)
    try:
        return RunSummary(
            name=folder.name,
            model=model,
            dataset=_dataset(config["dataset"]),
            as_of=date.fromisoformat(metrics["as_of"]).isoformat(),
            started_at=datetime.fromisoformat(config["started_at"]).isoformat(),
            config=config,
            rows=_count(metrics["rows"]),
            positives=_count(metrics["positives"]),
            figures={name: _figure(metrics.get(name)) for name in _FIGURES},
            report=report,
            auc_by=_figures_by(metrics["auc_by"]),
            best_by=_figures_by(metrics.get("best_reachable_auc_by", {})),
            alpha_by=_figures_by(metrics.get("alpha_by", {})),
        )
    except KeyError as error:
        raise BrokenRunError(folder, f"{METRICS_FILE} or {config_file(folder.name)} lacks {error}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        problem = f"{METRICS_FILE} or {config_file(folder.name)} has an invalid value: {error}"
        raise BrokenRunError(folder, problem) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read a run's configuration file as parsed JSON. Raises BrokenRunError."""
    return _parsed(folder / config_file(folder.name), _json_object)


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BrokenRunError(path.parent, f"{path.name} cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error, RecursionError) as error:
        raise BrokenRunError(path.parent, f"{path.name} is damaged: {error}") from error


def _json_object(text: str) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("it must be a JSON object, in braces")
    return content


def _report(text: str) -> Report:
    reader = csv.DictReader(io.StringIO(text))
    columns = [field.name for part in (Segment, Figures) for field in fields(part)]
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"it has no column {', '.join(missing)}")
    return dict(_segment(line, reader.line_num) for line in reader)


def _segment(line: dict[str, str], number: int) -> tuple[Segment, Figures]:
    try:
        scene = int(line["scene"]) if line["scene"] else None
        segment = Segment(line["segment"], scene, line["user_level"] or None, line["item_level"] or None)
        values = {field.name: line[field.name] for field in fields(Figures)[2:]}
        figures = {name: _figure(float(value)) if value else None for name, value in values.items()}
        return segment, Figures(int(line["rows"]), int(line["positives"]), **figures)
    except (ValueError, TypeError) as error:
        raise ValueError(f"line {number}: {error}") from error


def _figures_by(kinds: Any) -> dict[str, dict[str, float | None]]:
    return {kind: {name: _figure(value) for name, value in figures.items()} for kind, figures in kinds.items()}


def _figure(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a number of rows")
    return value


def _dataset(value: Any) -> str:
    if not isinstance(value, str) or not _DATASET.fullmatch(value):
        raise ValueError(f"{value!r} is not a dataset's name")
    return value
