"""Measure training on streamed rows: its rate against that on rows in memory, and how its memory grows."""

from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.trained_models import in_own_process
from benchmarks.training_tables import write_training_tables
from warehouse.calendar_days import days
from warehouse.catalog import Catalog

_DATASET = "training"
_DATES = days("2023-07-10", "2023-07-15")  # five to train on, one to validate on
_USERS, _ITEMS = 100_000, 20_000
_SMALL, _LARGE = 500_000, 20_000_000  # rows to train on
_VALIDATION = 50_000
_BUFFER_MB, _ALL_MB = 64, 8192
_MOST_GROWTH_MB = 100
_TURNS = 3


def measure(folder: Path) -> list[Figure]:
    """Train mmoe on the small window, in memory and streamed by turns; then, for memory, dnn streamed on both."""
    small, large = (_written(folder / f"{rows}", rows) for rows in (_SMALL, _LARGE))
    turns = [[_trained(folder, small, "mmoe", 2, mb)[0] for mb in (_ALL_MB, _BUFFER_MB)] for _ in range(_TURNS)]
    ratio = median(stream / memory for memory, stream in turns)
    rates = {name: median(side) for name, side in zip(("memory", "stream"), zip(*turns, strict=True), strict=True)}
    peaks = [_trained(folder, catalog, "dnn", 1, _BUFFER_MB)[1] / 2**20 for catalog in (small, large)]
    growth = peaks[1] - peaks[0]
    return [
        Figure(
            f"training rate of mmoe streamed from Parquet, against rows in memory, {_SMALL:,} rows",
            f"{ratio:.2f} x",
            "at least 0.95 x",
            ratio >= 0.95,
            {f"rows_per_second_{name}": rate for name, rate in rates.items()},
        ),
        Figure(
            f"growth of peak memory from {_SMALL:,} to {_LARGE:,} rows, streamed through a buffer of {_BUFFER_MB} MB",
            f"{growth:.0f} MB",
            f"at most {_MOST_GROWTH_MB} MB",
            growth <= _MOST_GROWTH_MB,
            {"small_mb": peaks[0], "large_mb": peaks[1]},
        ),
    ]


def _written(folder: Path, rows: int) -> Catalog:
    catalog = Catalog(folder.as_uri(), _DATASET)
    write_training_tables(catalog, _DATES[:-1], rows // (len(_DATES) - 1), _USERS, _ITEMS, seed=1)
    write_training_tables(catalog, _DATES[-1:], _VALIDATION, _USERS, _ITEMS, seed=1)
    return catalog


def _trained(folder: Path, catalog: Catalog, model: str, epochs: int, memory_mb: int) -> tuple[float, int]:
    """Train in a new process. Returns rows per second and the peak of resident memory in bytes."""
    log = folder / f"{model}_{memory_mb}_{Path(catalog.storage.root).name}.log"
    window = ["--as-of", _DATES[-1], "--train-days", str(len(_DATES) - 1), "--val-days", "1"]
    loop = ["--model", model, "--epochs", str(epochs), "--batch-size", "4096", "--memory-mb", str(memory_mb)]
    run, usage = in_own_process(catalog, folder / "artifacts", log, "train", *window, *loop)
    return run["rows_per_second"], usage.peak_bytes
