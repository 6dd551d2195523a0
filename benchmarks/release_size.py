"""Measure time and memory of all steps from CSV to a trained model, for logs of the size of the AntM2C release."""

import sys
import time
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.logs import write_logs
from benchmarks.resources import Usage, run_measured
from benchmarks.stages import submit
from sample_logs.settings import PRESETS
from spark_jobs import STAGES
from warehouse.catalog import Catalog
from warehouse.tables import DERIVED_TABLES, RAW, TRAIN, Table


def measure(folder: Path) -> list[Figure]:
    """Run the stages on the preset 10m as one range, and train mmoe for one epoch on all dates but the last.

    Stages and training run as a user starts them. Memory is the resident memory of all processes of a step together.
    """
    preset = PRESETS["10m"]
    started = time.monotonic()
    catalog = write_logs(folder, preset)
    written = time.monotonic() - started
    first, *_, last = preset.dates
    usages = {stage: submit(stage, catalog, first, last, folder / "stages.log") for stage in STAGES}
    epoch, trained_rows = _train_one_epoch(catalog, preset.dates, folder)
    together = Usage(
        sum(usage.cpu_seconds for usage in usages.values()),
        sum(usage.wall_seconds for usage in usages.values()),
        max(usage.peak_bytes for usage in usages.values()),
    )
    return [
        _without_target(f"sample logs of {preset.rows:,} rows", f"{preset.rows / written:,.0f} rows/s"),
        *(_figure(stage, preset.rows, usage) for stage, usage in usages.items()),
        _figure("all stages", preset.rows, together, _gb(catalog, preset.dates)),
        _figure(f"mmoe, one epoch on {preset.days - 1} dates, evaluation included", trained_rows, epoch),
    ]


def _train_one_epoch(catalog: Catalog, dates: list[str], folder: Path) -> tuple[Usage, int]:
    place = ("--warehouse", catalog.storage.root, "--dataset", catalog.dataset, "--artifacts", str(folder / "runs"))
    window = ("--as-of", dates[-1], "--train-days", str(len(dates) - 1), "--epochs", "1")
    command = [sys.executable, "-m", "training", "train", "--model", "mmoe", *place, *window]
    usage = run_measured(command, folder / "training.log")
    manifests = (catalog.manifest(TRAIN, date) for date in dates[:-1])
    return usage, sum(manifest.rows for manifest in manifests if manifest)


def _figure(name: str, rows: int, usage: Usage, details: dict[str, float] | None = None) -> Figure:
    rate, gb = rows / usage.wall_seconds, usage.peak_bytes / 1e9
    measured = f"{rate:,.0f} rows/s, {usage.cpu_seconds:,.0f} CPU-s, {gb:.2f} GB at most"
    return _without_target(name, measured, {"wall_seconds": usage.wall_seconds, **(details or {})})


def _without_target(name: str, measured: str, details: dict[str, float] | None = None) -> Figure:
    return Figure(name, measured, "", None, details or {})


def _gb(catalog: Catalog, dates: list[str]) -> dict[str, float]:
    """The size of each table on disk."""
    tables = (RAW, *DERIVED_TABLES)
    return {f"{table.folder}_gb": sum(_bytes(catalog, table, date) for date in dates) / 1e9 for table in tables}


def _bytes(catalog: Catalog, table: Table, date: str) -> int:
    return sum(path.stat().st_size for path in Path(catalog.path(table, date)).rglob("*") if path.is_file())
