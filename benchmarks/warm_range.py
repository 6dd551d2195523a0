"""Measure the cost of one date in all stages in a warm session, with as many rows as in the AntM2C release."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.duckdb_etl import DuckEtl
from benchmarks.duckdb_sql import ITEM, USER
from benchmarks.figure import Figure, at_most
from benchmarks.logs import raw_csv, write_logs
from benchmarks.stages import warm_stages
from sample_logs.settings import PRESETS, RELEASE_ITEMS, RELEASE_USERS, Settings
from spark_jobs import STAGES
from warehouse.catalog import Catalog
from warehouse.tables import TRAIN

_ROWS_A_DATE = PRESETS["10m"].rows // PRESETS["10m"].days
_WARM_UP_DATES = 6
_MEASURED_DATES = 4
_MOST_TIMES_DUCKDB, _MOST_MORE_FOR_SEQUENCES = 6, 1
_SEQUENCES = "user_sequences"  # which DuckDB's side does not have
_BOTH_SIDES = tuple(stage for stage in STAGES if stage != _SEQUENCES)


def measure(folder: Path) -> list[Figure]:
    """CPU seconds per date, once the first dates have warmed up the JVM, against five stages of DuckDB on these dates.

    Rows per date, users and items are as many as in the release; there are no deep features. Raises RuntimeError if the
    training tables of the last date differ.
    """
    days = _WARM_UP_DATES + _MEASURED_DATES
    logs = Settings(rows=_ROWS_A_DATE * days, days=days, users=RELEASE_USERS, items=RELEASE_ITEMS)
    catalog = write_logs(folder, logs)
    etl = DuckEtl(folder / "duckdb")
    duckdb = _duckdb_seconds(catalog, logs.dates, etl)
    spark = _spark_seconds(catalog, logs.dates, folder / "stages.log")
    differing = etl.differing_rows(f"{catalog.path(TRAIN, logs.dates[-1])}/*/*.parquet", logs.dates[-1])
    if differing:
        raise RuntimeError(f"DuckDB's and Spark's training tables of {logs.dates[-1]} differ in {differing} rows")
    by_stage = {
        **{f"spark_{stage}_seconds": seconds for stage, seconds in spark.items()},
        **{f"duckdb_{stage}_seconds": seconds for stage, seconds in duckdb.items()},
    }
    in_duckdb, a_date = sum(duckdb.values()), f"CPU of a warm date of {_ROWS_A_DATE:,} rows"
    five, sixth = sum(spark[stage] for stage in _BOTH_SIDES) / in_duckdb, spark[_SEQUENCES] / in_duckdb
    return [
        at_most(f"five stages, {a_date}", five, _MOST_TIMES_DUCKDB, "x DuckDB", by_stage),
        at_most(f"{_SEQUENCES}, {a_date}", sixth, _MOST_MORE_FOR_SEQUENCES, "x the five stages in DuckDB", {}),
    ]


def _spark_seconds(catalog: Catalog, dates: list[str], log: Path) -> dict[str, float]:
    """CPU seconds per measured date, by stage. Each stage runs over its range of dates, as in the history DAG."""
    last_warm_up, first_measured = dates[_WARM_UP_DATES - 1], dates[_WARM_UP_DATES]
    seconds = {}
    with warm_stages(log) as stages:
        for stage in STAGES:
            stages.run(stage, catalog, dates[0], last_warm_up)
            seconds[stage] = stages.run(stage, catalog, first_measured, dates[-1]) / _MEASURED_DATES
    return seconds


def _duckdb_seconds(catalog: Catalog, dates: list[str], etl: DuckEtl) -> dict[str, float]:
    """CPU seconds per measured date, by stage."""
    totals = dict.fromkeys(_BOTH_SIDES, 0.0)
    for number, date in enumerate(dates, start=1):
        measured, so_far = number > _WARM_UP_DATES, dates[:number]
        work: dict[str, Callable[[], object]] = {
            "csv_to_orc": partial(etl.csv_to_logs, raw_csv(catalog, date), date),
            "user_features": partial(etl.entity_features, USER, so_far),
            "item_features": partial(etl.entity_features, ITEM, so_far),
            "user_item_features": partial(etl.pair_features, so_far),
        }
        if measured:  # nothing reads the training tables of earlier dates
            work["training_table"] = partial(etl.training_table, so_far)
        for stage, run in work.items():
            before = time.process_time()
            run()
            totals[stage] += (time.process_time() - before) * measured
    return {stage: total / _MEASURED_DATES for stage, total in totals.items()}
