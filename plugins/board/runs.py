"""A training run's folder to the figures that the board shows."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from training.runs.layout import METRICS_FILE, SEGMENTS_FILE, config_file, model_of

_DATASET = re.compile(r"[A-Za-z0-9_]+")
_OPTIONAL_FIGURES = ("auc", "auc_low", "auc_high", "best_reachable_auc", "share", "gauc", "logloss", "ece")
_SEGMENT_NAMES = ("segment", "scene", "user_level", "item_level")
_SEGMENT_COUNTS = ("rows", "positives")
_SEGMENT_FIGURES = ("auc", "auc_low", "auc_high", "logloss", "ctr", "predicted_ctr")

Figures = Mapping[str, float | None]


class BrokenRunError(Exception):
    """What is wrong with a run's folder, where, and what to do: one sentence."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    figures: by name, None where its rows do not define one. segments: the lines of cold_report_long.csv, names as
    texts. best_by: the best reachable AUC, alpha_by: the mean weight of the content tower; {kind: {name: value}}.
    """

    name: str
    model: str
    dataset: str
    as_of: str
    started_at: str
    rows: int
    positives: int
    figures: Figures
    segments: list[dict[str, Any]]
    best_by: Mapping[str, Figures]
    alpha_by: Mapping[str, Figures]


def read_run(folder: Path) -> Run:
    """The figures of one run. Raises BrokenRunError."""
    config_name = config_file(folder.name)
    metrics = _parsed(folder / METRICS_FILE, _json_object)
    config = _parsed(folder / config_name, _json_object)
    segments = _parsed(folder / SEGMENTS_FILE, _segments)
    try:
        return Run(
            name=folder.name,
            model=model_of(folder.name) or "",
            dataset=_matching(_DATASET, config["dataset"]),
            as_of=date.fromisoformat(metrics["as_of"]).isoformat(),
            started_at=datetime.fromisoformat(config["started_at"]).isoformat(),
            rows=_count(metrics["rows"]),
            positives=_count(metrics["positives"]),
            figures={name: _figure(metrics.get(name)) for name in _OPTIONAL_FIGURES},
            segments=segments,
            best_by=_figures_by(metrics.get("best_reachable_auc_by", {})),
            alpha_by=_figures_by(metrics.get("alpha_by", {})),
        )
    except KeyError as error:
        raise _broken(folder, f"{METRICS_FILE} or {config_name} has no {error}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise _broken(folder, f"{METRICS_FILE} or {config_name} is not what a run writes: {error}") from error


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(path.parent, f"{path.name} cannot be read ({error.strerror})") from error
    except (ValueError, csv.Error, RecursionError) as error:
        raise _broken(path.parent, f"{path.name} is damaged: {error}") from error


def _broken(folder: Path, what: str) -> BrokenRunError:
    return BrokenRunError(f"{folder.name}: {what}. Train again, or remove the folder.")


def _json_object(text: str) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    return content


def _segments(text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text))
    wanted = (*_SEGMENT_NAMES, *_SEGMENT_COUNTS, *_SEGMENT_FIGURES)
    absent = [name for name in wanted if name not in (reader.fieldnames or ())]
    if absent:
        raise ValueError(f"it has no column {', '.join(absent)}")
    return [_segment(line, reader.line_num) for line in reader]


def _segment(line: dict[str, str], number: int) -> dict[str, Any]:
    try:
        return {
            **{name: line[name] for name in _SEGMENT_NAMES},
            **{name: int(line[name]) for name in _SEGMENT_COUNTS},
            **{name: _figure(float(line[name])) if line[name] else None for name in _SEGMENT_FIGURES},
        }
    except (ValueError, TypeError) as error:
        raise ValueError(f"line {number}: {error}") from error


def _figures_by(kinds: Any) -> dict[str, dict[str, float | None]]:
    return {kind: {name: _figure(value) for name, value in figures.items()} for kind, figures in kinds.items()}


def _figure(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no number of rows")
    return value


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is no name of a dataset")
    return value
