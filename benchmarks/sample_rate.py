"""Measure how fast sample logs are written, and whether the memory that this takes grows with the number of rows."""

import sys
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.resources import Usage, run_measured

_ROWS = 5_000_000
_FEWER_ROWS = 1_000_000
_LEAST_RATE = 300_000  # rows a second of wall time
_DATES_EACH = 1


def measure(folder: Path) -> list[Figure]:
    """Rows per second of wall time, start-up included, and memory at two sizes of one date each."""
    few, many = _write(folder, _FEWER_ROWS), _write(folder, _ROWS)
    rate = _ROWS / many.wall_seconds
    mib = {rows: usage.peak_bytes / 1024**2 for rows, usage in ((_FEWER_ROWS, few), (_ROWS, many))}
    in_memory = " and ".join(f"{mib[rows]:.0f} MiB at {rows / 1e6:g}M" for rows in mib)
    return [
        Figure(
            "sample_logs without deep features",
            f"{rate:,.0f} rows/s ({in_memory} rows)",
            f"at least {_LEAST_RATE:,} rows/s",
            rate >= _LEAST_RATE,
            {"wall_seconds": many.wall_seconds, **{f"peak_mib_{rows}_rows": peak for rows, peak in mib.items()}},
        )
    ]


def _write(folder: Path, rows: int) -> Usage:
    place = ["--warehouse", (folder / str(rows)).as_uri(), "--dataset", "bench"]
    size = ["--preset", "demo", "--rows", str(rows), "--days", str(_DATES_EACH)]
    return run_measured([sys.executable, "-m", "sample_logs", *place, *size], folder / "sample_logs.log")
