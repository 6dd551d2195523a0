"""Run a stage for its dates in one Spark session. Progress goes to stdout, and an error to stderr as one sentence.

The exit status is 1 if the stage refuses its input, and EX_TEMPFAIL (75) if the same command may succeed later.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from spark_jobs.common.errors import StageError
from spark_jobs.common.java_errors import java_causes
from spark_jobs.common.session import require_readable_paths, spark_session
from spark_jobs.common.stage import Stage
from spark_jobs.common.terminal import fail
from warehouse.catalog import Catalog
from warehouse.errors import StorageError, WarehouseError
from warehouse.freshness import Freshness
from warehouse.manifest import Manifest
from warehouse.tables import LOGS, RAW, Table

_SMALL_DATE_BYTES = 64 * 1024**2  # of raw CSV
_RAW_BYTES_PER_LOGS_BYTE = 8
_LASTING = (PermissionError, NotADirectoryError, IsADirectoryError)


PublishDate = Callable[[Stage, str], list[Manifest]]


def run_stage(
    name: str,
    arguments: argparse.Namespace,
    dates: Sequence[str],
    publish: PublishDate | None,
    publish_in_order: PublishDate | None = None,
    check_date: Callable[[Catalog, str], object] | None = None,
    raw: Table = RAW,
) -> None:
    """Publish the dates in one session, then print what was published as a JSON object on the last line.

    `publish`, if there is one, writes tables that do not depend on other dates, so it may run for two dates at once.
    `publish_in_order` writes those that depend on earlier dates, one date after the other. `check_date` is called for
    every date before any work begins. If a date fails, the program exits with an error; dates that were already
    published stay so. raw: the table whose size says how much work a date is.
    """
    date = dates[0]
    try:
        catalog = Catalog(arguments.warehouse, arguments.dataset)
        catalog.require_scenes()
        if check_date is not None:
            for date in dates:
                check_date(catalog, date)
        published = []
        with spark_session(name) as spark, _map_with(_dates_at_once(catalog, dates, raw)) as map_dates:
            require_readable_paths(spark, catalog.storage.root)
            stage = Stage(spark, catalog, Freshness(catalog))
            results = iter(map_dates(partial(_timed, publish or _nothing, stage), dates))
            for number, date in enumerate(dates, start=1):
                manifests, seconds = next(results)
                if publish_in_order is not None:
                    more_manifests, more_seconds = _timed(publish_in_order, stage, date)
                    manifests, seconds = [*manifests, *more_manifests], seconds + more_seconds
                published += [_summary(manifest, round(seconds, 3)) for manifest in manifests]
                rows = ", ".join(f"{manifest.table} {manifest.rows:,} rows" for manifest in manifests)
                print(f"{name} {date} ({number}/{len(dates)}): {rows} in {seconds:.1f} s", flush=True)
    except StorageError as error:
        fail(f"{name} {date}: {error}", os.EX_TEMPFAIL)
    except WarehouseError as error:
        fail(f"{name} {date}: {error}")
    except StageError as error:
        fail(f"{name} {date}: {error}", details=error.details)
    except (OSError, PySparkException, Py4JError) as error:
        *outer, deepest = java_causes(error)
        fail(f"{name} {date}: {deepest}", 1 if isinstance(error, _LASTING) else os.EX_TEMPFAIL, details=outer)
    print(json.dumps({"stage": name, "published": published}), flush=True)


def _dates_at_once(catalog: Catalog, dates: Sequence[str], raw: Table) -> int:
    """Return how many dates to run at once: 2 if all are small, because a small date keeps only one core busy."""
    small = all(_raw_bytes(catalog, date, raw) <= _SMALL_DATE_BYTES for date in dates)
    return 2 if len(dates) > 1 and small else 1


def _raw_bytes(catalog: Catalog, date: str, raw: Table) -> int:
    """Return the size of the raw files, or an estimate from the logs if that is larger: raw files may be archived."""
    logs = sum(entry["size"] for entry in catalog.files(LOGS, date))
    return max(catalog.raw_bytes(date, raw), logs * _RAW_BYTES_PER_LOGS_BYTE)


@contextmanager
def _map_with(workers: int) -> Iterator[Callable]:
    """Yield a `map` that runs in this many threads; with one worker, the builtin `map`."""
    if workers == 1:
        yield map
        return
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _timed(publish: PublishDate, stage: Stage, date: str) -> tuple[list[Manifest], float]:
    started = time.monotonic()
    manifests = publish(stage, date)
    return manifests, time.monotonic() - started


def _nothing(_stage: Stage, _date: str) -> list[Manifest]:
    return []


def _summary(manifest: Manifest, seconds: float) -> dict[str, object]:
    fields = {key: getattr(manifest, key) for key in ("table", "date", "rows", "version", "rejects")}
    return {**fields, "seconds": seconds}
