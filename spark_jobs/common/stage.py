"""Running a stage over its dates: session, freshness of what it reads, progress, errors as sentences."""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import read_dates
from spark_jobs.common.session import spark_session
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.freshness import Freshness
from warehouse.manifest import Input, Manifest
from warehouse.publish import Content, StagedPartition
from warehouse.tables import LOGS, Table

_SMALL_DATE_BYTES = 64 * 1024**2  # of raw CSV
_RAW_BYTES_A_BYTE_OF_LOGS = 8


@dataclass(frozen=True)
class Stage:
    """What one stage works with."""

    spark: SparkSession
    catalog: Catalog
    freshness: Freshness

    def require(self, table: Table, date: str, written_by: str) -> Input:
        """The partition as an input. Raises StageError where it is missing or stale, naming the stage to run."""
        problems = self.freshness.problems([(table, date)])
        if problems:
            raise StageError(f"{problems[0]}. Run {written_by} for {date} first")
        return self.recorded(table, date)

    def recorded(self, table: Table, date: str) -> Input:
        """The partition as an input, at the version it has (None where it is absent)."""
        manifest = self.freshness.manifest(table, date)
        return Input(table.folder, date, manifest.version if manifest else None)

    def rows(self, table: Table, *dates: str) -> int:
        """How many rows the published partitions hold."""
        return sum(manifest.rows for date in dates if (manifest := self.freshness.manifest(table, date)))

    def read(self, table: Table, *dates: str) -> DataFrame:
        """The rows of published partitions, as `read_dates` gives them."""
        return read_dates(self.spark, self.catalog, table, dates)

    def publish(
        self,
        staged: StagedPartition,
        content: Content,
        inputs: Iterable[Input],
        history_start: str | None = None,
        parameters: dict[str, int] | None = None,
    ) -> Manifest:
        """Moves a staged partition into place."""
        manifest = staged.publish(content, list(inputs), history_start, parameters)
        self.freshness.republished(staged.table, staged.date)
        return manifest


PublishDate = Callable[[Stage, str], list[Manifest]]


def run_stage(
    name: str,
    arguments: argparse.Namespace,
    dates: Sequence[str],
    alone: PublishDate,
    in_order: PublishDate | None = None,
    check_date: Callable[[Catalog, str], object] | None = None,
) -> None:
    """Publishes the dates in one session, and prints what was published as one JSON object on the last line.

    `alone` publishes what of a date rests on no other date of this stage, `in_order` then what rests on the dates
    before it. `check_date` looks at every date before the first is worked on. Exits with status 1 and a sentence if a
    date fails; the dates before it stay published, as do later ones that were done by then.
    """
    date = dates[0]
    try:
        catalog = Catalog(arguments.warehouse, arguments.dataset)
        if check_date is not None:
            for date in dates:
                check_date(catalog, date)
        published = []
        with spark_session(name) as spark, _ahead(_dates_at_once(catalog, dates)) as ahead:
            stage = Stage(spark, catalog, Freshness(catalog))
            begun = iter(ahead(partial(_timed, alone, stage), dates))
            for number, date in enumerate(dates, start=1):
                manifests, seconds = next(begun)
                if in_order is not None:
                    later, more_seconds = _timed(in_order, stage, date)
                    manifests, seconds = [*manifests, *later], seconds + more_seconds
                published += [_summary(manifest, round(seconds, 3)) for manifest in manifests]
                rows = ", ".join(f"{manifest.table} {manifest.rows:,} rows" for manifest in manifests)
                print(f"{name} {date} ({number}/{len(dates)}): {rows} in {seconds:.1f} s", flush=True)
    except (StageError, WarehouseError) as error:
        _fail(name, date, str(error))
    except (OSError, PySparkException, Py4JError) as error:
        _fail(name, date, _first_line(error), traceback.format_exc())
    print(json.dumps({"stage": name, "published": published}), flush=True)


def _dates_at_once(catalog: Catalog, dates: Sequence[str]) -> int:
    """Two if they are small: planning a small date keeps one core busy, a large one keeps all of them."""
    small = all(_raw_bytes(catalog, date) <= _SMALL_DATE_BYTES for date in dates)
    return 2 if len(dates) > 1 and small else 1


def _raw_bytes(catalog: Catalog, date: str) -> int:
    """Of raw files, or what the logs would take as such: they may be all that is left."""
    logs = sum(entry["size"] for entry in catalog.files(LOGS, date))
    return max(catalog.raw_bytes(date), logs * _RAW_BYTES_A_BYTE_OF_LOGS)


@contextmanager
def _ahead(workers: int) -> Iterator[Callable]:
    """A map that works ahead in so many threads, and not at all ahead for one."""
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


def _summary(manifest: Manifest, seconds: float) -> dict[str, object]:
    fields = {key: getattr(manifest, key) for key in ("table", "date", "rows", "version", "rejects")}
    return {**fields, "seconds": seconds}


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, Py4JError):  # the first line says which call it was, the second what happened
        lines = [line.removeprefix(": ") for line in lines[1:]]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def _fail(name: str, date: str, sentence: str, details: str = "") -> None:
    if details:
        print(details, file=sys.stderr)
    print(f"error: {name} {date}: {sentence}", file=sys.stderr)  # last: what a reader sees first, and Airflow repeats
    sys.exit(1)
