"""Running a stage over its dates: session, freshness of what it reads, progress, errors as sentences."""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from spark_jobs.common.errors import StageError
from spark_jobs.common.session import spark_session
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.freshness import Freshness
from warehouse.manifest import Input, Manifest
from warehouse.publish import Content, StagedPartition
from warehouse.tables import Table


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

    def rows(self, table: Table, date: str) -> int:
        """The rows of a published partition."""
        manifest = self.freshness.manifest(table, date)
        return manifest.rows if manifest else 0

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
    publish_date: PublishDate,
    check_date: Callable[[Catalog, str], object] | None = None,
) -> None:
    """Publishes date after date in one session, and prints what was published as one JSON object on the last line.

    `check_date` looks at every date before the first is worked on. Exits with status 1 and a sentence where a date
    fails; the dates before it stay published.
    """
    date = dates[0]
    try:
        catalog = Catalog(arguments.warehouse, arguments.dataset)
        if check_date is not None:
            for date in dates:
                check_date(catalog, date)
        published = []
        with spark_session(name) as spark:
            stage = Stage(spark, catalog, Freshness(catalog))
            for number, date in enumerate(dates, start=1):
                started = time.monotonic()
                manifests = publish_date(stage, date)
                seconds = round(time.monotonic() - started, 3)
                published += [_summary(manifest, seconds) for manifest in manifests]
                rows = ", ".join(f"{manifest.table} {manifest.rows:,} rows" for manifest in manifests)
                print(f"{name} {date} ({number}/{len(dates)}): {rows} in {seconds:.1f} s", flush=True)
    except (StageError, WarehouseError) as error:
        _fail(name, date, str(error))
    except (OSError, PySparkException, Py4JError) as error:
        _fail(name, date, _first_line(error), traceback.format_exc())
    print(json.dumps({"stage": name, "published": published}), flush=True)


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
