"""All models on real clicks, three seeds each, with paired tests by cold-start level.

The data are MovieLens 100k (Harper and Konstan, 2015) in the form of raw logs: ratings of 4 and more are clicks, age
groups are scenes, titles and genres are texts. They are not part of this repository: put them where `_LOGS` says.
"""

from dataclasses import asdict
from pathlib import Path
from statistics import mean

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from benchmarks.figure import Figure
from benchmarks.stages import warm_stages
from benchmarks.trained_models import Lead, Run, leads, mean_difference, train
from spark_jobs import STAGES
from training.model_names import MODEL_NAMES
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import RAW

_LOGS = REPOSITORY / "var" / "bench" / "ml100k-antm2c.csv.gz"
_DATASET = "ml100k"
_SEEDS = (7, 8, 9)
_WINDOW = ("--train-days", "12", "--val-days", "3")
_SEGMENTS = ("overall", "user zero", "item zero", "user warm")  # as lead_by_segment names them
_PEERS = ("dnn", "gbdt")
_PEERLESS = ("lr", *_PEERS)  # no target says that these must not be below others


def measure(folder: Path) -> list[Figure]:
    """Take the logs through the stages, train every model with the defaults, and compare each with dnn and gbdt."""
    if not _LOGS.exists():
        missing = f"not measured: put the MovieLens 100k ratings, as raw logs, at {_LOGS}"
        return [Figure("real clicks", missing, "", None)]
    catalog, dates = _training_tables(folder)
    trained: dict[str, list[Run]] = {}
    for model in MODEL_NAMES:
        for seed in _SEEDS:
            run = train(catalog, folder / "runs", model, "--as-of", dates[-1], *_WINDOW, "--seed", str(seed))
            trained.setdefault(model, []).append(run)
            print(f"{model}, seed {seed}: AUC {run.metrics['auc']:.4f}", flush=True)
    return [
        *(_areas(model, runs) for model, runs in trained.items()),
        *(_lead(model, peer, trained) for peer in _PEERS for model in trained if model != peer),
    ]


def _training_tables(folder: Path) -> tuple[Catalog, list[str]]:
    catalog = Catalog((folder / "warehouse").as_uri(), _DATASET)
    dates = _write_raw_logs(catalog)
    with warm_stages(folder / "stages.log") as stages:
        for stage in STAGES:
            stages.run(stage, catalog, dates[0], dates[-1])
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


def _areas(model: str, runs: list[Run]) -> Figure:
    overall = [run.metrics["auc"] for run in runs]
    by_level = {
        f"{entity} {level}": mean(run.metrics["auc_by"][f"{entity}_level"][level] for run in runs)
        for entity, level in (segment.split() for segment in _SEGMENTS[1:])
    }
    shown = ", ".join(f"{where} {area:.4f}" for where, area in {"overall": mean(overall), **by_level}.items())
    seeds = " / ".join(f"{area:.4f}" for area in overall)
    return Figure(f"{model}, AUC", f"{shown} (seeds {seeds})", "", None, {"overall": mean(overall), **by_level})


def _lead(model: str, peer: str, trained: dict[str, list[Run]]) -> Figure:
    by_segment = {where: _pooled_lead(trained[model], trained[peer], where) for where in _SEGMENTS}
    has_target = model not in _PEERLESS
    return Figure(
        f"{model} against {peer}, AUC",
        "; ".join(f"{where} {lead.in_words()}" for where, lead in by_segment.items()),
        "not below 0 overall" if has_target else "",
        by_segment["overall"].high >= 0 if has_target else None,
        {where: value for where, lead in by_segment.items() for value in asdict(lead).values()},
    )


def _pooled_lead(own: list[Run], others: list[Run], where: str) -> Lead:
    """The mean of the seeds' paired tests. All seeds have the same rows, so that the interval gets no narrower."""
    tests = leads(own, others, where)
    difference = mean_difference(tests)
    margin = mean((test.high - test.low) / 2 for test in tests)
    return Lead(difference, difference - margin, difference + margin)
