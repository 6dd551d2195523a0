"""All models on real clicks, in four windows with three seeds each, with paired tests by cold-start level.

The data are MovieLens 100k (Harper and Konstan, 2015) in the form of raw logs: ratings of 4 and more are clicks, age
groups are scenes, titles and genres are texts. They are not part of this repository: put them where `_LOGS` says.
"""

from dataclasses import asdict
from math import sqrt
from pathlib import Path
from statistics import mean

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from benchmarks.figure import Figure
from benchmarks.stages import warm_stages
from benchmarks.trained_models import Lead, Run, leads, mean_difference, train
from training.model_names import MODEL_NAMES
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import RAW

_LOGS = REPOSITORY / "var" / "bench" / "ml100k-antm2c.csv.gz"
_DATASET = "ml100k"
_SEEDS = (7, 8, 9)
_WINDOW = ("--train-days", "12", "--val-days", "3")
_EARLIER = (0, 3, 6, 9)  # days between a window's last date and the last date with clicks: no two judge the same rows
_SEGMENTS = ("overall", "user zero", "item zero", "user warm")  # as lead_by_segment names them
_PEERS = ("dnn", "gbdt")
_PEERLESS = ("lr", *_PEERS)  # no target says that these must not be below others


def measure(folder: Path) -> list[Figure]:
    """Take the logs through the stages, train every model with the defaults, and compare each with dnn and gbdt."""
    if not _LOGS.exists():
        missing = f"not measured: put the MovieLens 100k ratings, as raw logs, at {_LOGS}"
        return [Figure("real clicks", missing, "", None)]
    catalog, dates = _training_tables(folder)
    trained: dict[str, list[list[Run]]] = {}
    for model in MODEL_NAMES:
        trained[model] = [_runs(catalog, folder, model, dates[-1 - earlier]) for earlier in _EARLIER]
    return [
        *(_areas(model, runs) for model, runs in trained.items()),
        *(_lead(model, peer, trained) for peer in _PEERS for model in trained if model != peer),
    ]


def _runs(catalog: Catalog, folder: Path, model: str, as_of: str) -> list[Run]:
    """Train one model in one window with each seed."""
    window = ("--as-of", as_of, *_WINDOW)
    runs = [train(catalog, folder / "runs", model, *window, "--seed", str(seed)) for seed in _SEEDS]
    areas = ", ".join(f"{run.metrics['auc']:.4f}" for run in runs)
    print(f"{model} up to {as_of}: AUC {areas}", flush=True)
    return runs


def _training_tables(folder: Path) -> tuple[Catalog, list[str]]:
    catalog = Catalog((folder / "warehouse").as_uri(), _DATASET)
    dates = _write_raw_logs(catalog)
    with warm_stages(folder / "stages.log") as stages:
        stages.run_all(catalog, dates[0], dates[-1])
    return catalog, dates


def _write_raw_logs(catalog: Catalog) -> list[str]:
    """Write each date's rows to a file in its raw folder, and return the dates."""
    as_text = csv.ConvertOptions(column_types={"log_time": pa.string()})
    logs = csv.read_csv(_LOGS, convert_options=as_text)
    date_of_row = pc.utf8_slice_codeunits(logs["log_time"], 0, 10)
    dates = sorted(pc.unique(date_of_row).to_pylist())
    for date in dates:
        raw = Path(catalog.path(RAW, date))
        raw.mkdir(parents=True)
        csv.write_csv(logs.filter(pc.equal(date_of_row, date)), raw / "logs.csv")
    return dates


def _areas(model: str, windows: list[list[Run]]) -> Figure:
    """Return the mean AUC of all windows and seeds, overall and by level, and that of each window."""
    runs = [run for window in windows for run in window]
    by_level = {}
    for entity, level in (segment.split() for segment in _SEGMENTS[1:]):
        areas = [run.metrics["auc_by"][f"{entity}_level"][level] for run in runs]
        by_level[f"{entity} {level}"] = mean(area for area in areas if area is not None)
    by_window = [mean(run.metrics["auc"] for run in window) for window in windows]
    values = {"overall": mean(by_window), **by_level}
    shown = ", ".join(f"{where} {area:.4f}" for where, area in values.items())
    last_first = " / ".join(f"{area:.4f}" for area in by_window)
    return Figure(f"{model}, AUC", f"{shown} (windows, last first: {last_first})", "", None, values)


def _lead(model: str, peer: str, trained: dict[str, list[list[Run]]]) -> Figure:
    by_segment = {where: _pooled_lead(trained[model], trained[peer], where) for where in _SEGMENTS}
    has_target = model not in _PEERLESS
    return Figure(
        f"{model} against {peer}, AUC",
        "; ".join(f"{where} {lead.in_words()}" for where, lead in by_segment.items()),
        "not below 0 overall" if has_target else "",
        by_segment["overall"].high >= 0 if has_target else None,
        {f"{where} {name}": value for where, lead in by_segment.items() for name, value in asdict(lead).items()},
    )


def _pooled_lead(own: list[list[Run]], others: list[list[Run]], where: str) -> Lead:
    """The mean of the windows' paired tests.

    The seeds of a window have the same rows, so they make the interval no narrower. Windows have rows of their own.
    """
    tests = [leads(*pair, where) for pair in zip(own, others, strict=True)]
    difference = mean(map(mean_difference, tests))
    margins = [mean((test.high - test.low) / 2 for test in window) for window in tests]
    margin = sqrt(sum(margin**2 for margin in margins)) / len(margins)
    return Lead(difference, difference - margin, difference + margin)
