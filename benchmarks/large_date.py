"""Measure a date of 5 million rows: the cost of csv_to_orc per row, and the memory of the largest stage."""

import time
from dataclasses import replace
from pathlib import Path

from benchmarks.duckdb_etl import DuckEtl
from benchmarks.figure import Figure, at_most
from benchmarks.logs import raw_csv, write_logs
from benchmarks.stages import submit
from sample_logs.settings import PRESETS
from spark_jobs import STAGES
from warehouse.catalog import Catalog
from warehouse.tables import RAW

_ROWS = {"2023-07-10": 50_000, "2023-07-11": 5_000_000}
_MOST_TIMES_DUCKDB = 3
_MOST_GB = 4


def measure(folder: Path) -> list[Figure]:
    """Run each stage with spark-submit on a small date and on the large date after it.

    The logs are those of `python -m sample_logs --rows 5000000 --days 1`, with the same users and items on both dates.
    The cost of one more row is the difference in cost divided by the difference in rows, so that start-up cancels out.
    Memory is the resident memory of shell, JVM and Python together.
    """
    population = PRESETS["demo"].resized(max(_ROWS.values()), days=1)
    for date, rows in _ROWS.items():
        catalog = write_logs(folder, replace(population, rows=rows, start_date=date))
    duckdb = _duckdb_seconds(folder, catalog)
    usages = {(s, date): submit(s, catalog, date, date, folder / "stages.log") for s in STAGES for date in _ROWS}
    spark = {date: usages["csv_to_orc", date].cpu_seconds for date in _ROWS}
    large = max(_ROWS, key=_ROWS.__getitem__)
    gb = {stage: usages[stage, large].peak_bytes / 1e9 for stage in STAGES}
    largest = max(gb, key=gb.__getitem__)
    peak = f"{gb['csv_to_orc']:.2f} GB in csv_to_orc, {gb[largest]:.2f} GB in {largest}"
    return [
        at_most(
            "csv_to_orc, CPU a further row at 5M rows",
            _per_further_row(spark) / _per_further_row(duckdb),
            _MOST_TIMES_DUCKDB,
            "x DuckDB",
            {
                "spark_microseconds_per_row": _per_further_row(spark),
                "duckdb_microseconds_per_row": _per_further_row(duckdb),
            },
        ),
        Figure(
            "peak memory of a 5M-row date",
            peak,
            f"under {_MOST_GB} GB",
            gb[largest] < _MOST_GB,
            {f"{stage}_gb": peak_gb for stage, peak_gb in gb.items()},
        ),
    ]


def _duckdb_seconds(folder: Path, catalog: Catalog) -> dict[str, float]:
    """CPU seconds of the same conversion with DuckDB, by date. Raises RuntimeError if rows are lost."""
    etl, seconds = DuckEtl(folder / "duckdb"), {}
    for date in catalog.dates(RAW):
        before = time.process_time()
        counts = etl.csv_to_logs(raw_csv(catalog, date), date)
        seconds[date] = time.process_time() - before
        if sum(counts.values()) != _ROWS[date]:
            raise RuntimeError(f"DuckDB made {counts} of {_ROWS[date]} rows of {date}")
    return seconds


def _per_further_row(seconds: dict[str, float]) -> float:
    """CPU microseconds."""
    (first, fewer), (last, more) = _ROWS.items()
    return (seconds[last] - seconds[first]) / (more - fewer) * 1e6
