"""Measure the scoring of candidates: predict against training, and score_candidates against training_table.

The candidates of a date are its impressions without labels, so that both sides of a ratio work on the same rows.
"""

from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure, at_least, at_most
from benchmarks.logs import write_logs
from benchmarks.stages import submit
from benchmarks.trained_models import in_own_process
from sample_logs.settings import PRESETS
from sample_logs.writing import Writer
from spark_jobs import STAGES
from warehouse.catalog import Catalog

# The second date is the small one and the third the large one that are compared; both have features of a day before.
_ROWS = {"2023-07-10": 20_000, "2023-07-11": 20_000, "2023-07-12": 300_000, "2023-07-13": 20_000, "2023-07-14": 20_000}
_FIRST, _SMALL, _LARGE, _HELD_OUT, _VALIDATION = _ROWS
_MODEL, _TURNS = "mmoe", 3
_LEAST_OF_TRAINING, _MOST_OF_TRAINING_TABLE = 3, 1
# What happens to impressions until they are in the training table; score_candidates does all of it to candidates.
_SAME_WORK = ("csv_to_orc", "user_item_features", "training_table")


def measure(folder: Path) -> list[Figure]:
    """Run all stages on dates of the same users and items, then train and predict by turns.

    The rate of predict includes reading, encoding, ranking and writing; that of training is of its epochs alone. The
    cost of one more row of a stage is the difference between both dates' CPU seconds, so that starts cancel out.
    """
    catalog = _written(folder)
    log, seconds = folder / "stages.log", {}
    for dates in ((_FIRST, _FIRST), (_SMALL, _SMALL), (_LARGE, _LARGE), (_HELD_OUT, _VALIDATION)):
        for stage in STAGES:
            seconds[stage, dates[0]] = submit(stage, catalog, *dates, log).cpu_seconds
    for date in (_SMALL, _LARGE):
        seconds["score_candidates", date] = submit("score_candidates", catalog, date, date, log).cpu_seconds
    a_row = {stage: _microseconds(seconds, stage) for stage in (*STAGES, "score_candidates")}
    alone = a_row["score_candidates"] / a_row["training_table"]
    same_work = sum(a_row[stage] for stage in _SAME_WORK)
    details = {f"{stage}_microseconds": a_row[stage] for stage in (*_SAME_WORK, "score_candidates")}
    what = "score_candidates, CPU a further row"
    return [
        _predict_against_training(folder, catalog),
        at_most(
            f"{what}, against {', '.join(_SAME_WORK)}",
            a_row["score_candidates"] / same_work,
            _MOST_OF_TRAINING_TABLE,
            "x",
            details,
        ),
        Figure(f"{what}, against training_table alone", f"{alone:.2f} x", "", None),
    ]


def _written(folder: Path) -> Catalog:
    """Write the logs of all dates, and the candidates of the two dates that are compared."""
    population = PRESETS["demo"].resized(sum(_ROWS.values()), days=1)
    for date, rows in _ROWS.items():
        settings = replace(population, rows=rows, start_date=date)
        catalog = write_logs(folder, settings)
        if date in (_SMALL, _LARGE):
            Writer(catalog, settings).write_candidates(0)
    return catalog


def _microseconds(seconds: dict[tuple[str, str], float], stage: str) -> float:
    """CPU microseconds of a further row."""
    return (seconds[stage, _LARGE] - seconds[stage, _SMALL]) / (_ROWS[_LARGE] - _ROWS[_SMALL]) * 1e6


def _predict_against_training(folder: Path, catalog: Catalog) -> Figure:
    """Train a model, most of whose rows are the large date's, and score that date's candidates with it."""
    place = catalog, folder / "runs", folder / "training.log"
    window = ["--as-of", _VALIDATION, "--train-days", "4", "--epochs", "1", "--model", _MODEL]
    training, scoring = [], []
    for _ in range(_TURNS):
        run, _ = in_own_process(*place, "train", *window)
        training.append(run["rows_per_second"])
        scored, _ = in_own_process(*place, "predict", "--model", run["artifacts"], "--date", _LARGE)
        scoring += [part["rows"] / part["seconds"] for part in scored["published"]]
    return at_least(
        f"batch scoring by predict, {_MODEL}, {_ROWS[_LARGE]:,} candidates",
        median(own / other for own, other in zip(scoring, training, strict=True)),
        _LEAST_OF_TRAINING,
        "x training rows/s",
        {"rows_per_second": median(scoring), "training_rows_per_second": median(training)},
    )
