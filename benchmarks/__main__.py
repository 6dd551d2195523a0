"""Measure the figures in the documentation: `python -m benchmarks [NAME]`. Prints a table and saves it in var/bench."""

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks import (
    board_page,
    closed_loop,
    dag_parsing,
    date_seconds,
    embedding_rate,
    endpoint,
    further_date,
    large_date,
    long_history,
    metrics_speed,
    model_quality,
    onnx_speed,
    real_clicks,
    release_size,
    sample_rate,
    scoring,
    stage_start,
    streaming,
    training_speed,
    warm_range,
    watch,
)
from benchmarks.figure import Figure, as_json, described, markdown, plain_table
from benchmarks.machine import machine
from warehouse.settings import REPOSITORY

_RESULTS = REPOSITORY / "var" / "bench"
_MEASUREMENTS = {
    "sample_rate": sample_rate.measure,
    "stage_start": stage_start.measure,
    "further_date": further_date.measure,
    "date_seconds": date_seconds.measure,
    "large_date": large_date.measure,
    "long_history": long_history.measure,
    "warm_range": warm_range.measure,
    "release_size": release_size.measure,
    "board_page": board_page.measure,
    "dag_parsing": dag_parsing.measure,
    "streaming": streaming.measure,
    "embedding_rate": embedding_rate.measure,
    "endpoint": endpoint.measure,
    "scoring": scoring.measure,
    "onnx_speed": onnx_speed.measure,
    "metrics_speed": metrics_speed.measure,
    "training_speed": training_speed.measure,
    "model_quality": model_quality.measure,
    "real_clicks": real_clicks.measure,
    "watch": watch.measure,
    "closed_loop": closed_loop.measure,
}


def measured(name: str) -> list[Figure]:
    """Run one measurement in its own process and folder, so that it does not profit from a JVM that is already warm."""
    with (
        tempfile.TemporaryDirectory(prefix=f"{name}-", dir=_RESULTS) as folder,
        ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as own_process,
    ):
        return own_process.submit(_MEASUREMENTS[name], Path(folder)).result()


def main() -> None:
    """Run all measurements, or the one that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=_MEASUREMENTS, help="measure only this (default: all)")
    chosen = parser.parse_args().name
    _RESULTS.mkdir(parents=True, exist_ok=True)
    figures = []
    for name in [chosen] if chosen else _MEASUREMENTS:
        print(f"measuring {name} ...", flush=True)
        figures += measured(name)
    where = machine()
    print(f"\n{plain_table(figures)}\n\n{described(where)}")
    stem = _RESULTS / (chosen or "figures")
    stem.with_suffix(".json").write_text(as_json(figures, where))
    stem.with_suffix(".md").write_text(markdown(figures, where))


if __name__ == "__main__":
    main()
