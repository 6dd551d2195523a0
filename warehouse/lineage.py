"""Tell a lineage service what was computed from what: each published partition and run is one OpenLineage event.

See https://openlineage.io/docs/spec/object-model. Events are only sent if a transport is configured
(`Settings.lineage`). A job is named after what it writes. A table is one dataset; which of its partitions were read and
written, and their versions, is said by subsets.
"""

import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.manifest import Input, Manifest
from warehouse.settings import read_settings
from warehouse.tables import TABLES

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

_NAMESPACE = "antm2c"  # of jobs


def report_partition(catalog: Catalog, manifest: Manifest) -> None:
    """Send the event of a published partition."""
    if read_settings().lineage:
        _send(f"{manifest.table} {manifest.date}", lambda: partition_event(catalog, manifest))


def report_run(
    catalog: Catalog, model: str, folder: str, as_of: str, inputs: list[Input], revision: str, ended_at: str
) -> None:
    """Send the event of a trained run. folder: its absolute path. ended_at: ISO 8601 with offset."""
    if read_settings().lineage:
        _send(folder, lambda: run_event(catalog, model, folder, as_of, inputs, revision, ended_at))


def partition_event(catalog: Catalog, manifest: Manifest) -> "RunEvent":
    """Return the event that ends the job of a partition."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import (
        base_subset_dataset,
        dataset_version_dataset,
        output_statistics_output_dataset,
        schema_dataset,
    )

    fields = [schema_dataset.SchemaDatasetFacetFields(name, kind) for name, kind in manifest.columns]
    files = manifest.files or []
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=manifest.rows, size=sum(size for _, size in files), fileCount=len(files)
    )
    written = base_subset_dataset.OutputSubsetOutputDatasetFacet(_partitions([(manifest.date, manifest.version)]))
    output = OutputDataset(
        *_table(catalog, manifest.table),
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(fields),
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(manifest.version),
        },
        outputFacets={"outputStatistics": statistics, "outputSubset": written},
    )
    run = f"{manifest.run_id}/{manifest.table}/{manifest.date}"
    ended_at, revision = manifest.published_at, manifest.code_revision
    return _complete(catalog, manifest.table, run, manifest.date, ended_at, manifest.inputs, output, revision)


def run_event(
    catalog: Catalog, model: str, folder: str, as_of: str, inputs: list[Input], revision: str, ended_at: str
) -> "RunEvent":
    """Return the event that ends a training. Its output is the run's folder."""
    from openlineage.client.event_v2 import OutputDataset

    output = OutputDataset("file", folder)
    return _complete(catalog, f"train_{model}", folder, as_of, ended_at, inputs, output, revision)


def _complete(
    catalog: Catalog, job: str, run: str, date: str, ended_at: str, inputs: list[Input], output: Any, revision: str
) -> "RunEvent":
    """Return the event that ends a run. job: its name in the dataset. run: what tells it apart from all others."""
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import job_type_job, nominal_time_run

    zone = catalog.raw_mapping().time_zone
    beginnings = (datetime.fromisoformat(day).replace(tzinfo=zone) for day in (date, days_before(date, -1)))
    nominal = nominal_time_run.NominalTimeRunFacet(*(midnight.isoformat() for midnight in beginnings))
    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="ANTM2C", jobType="JOB")
    return RunEvent(
        eventTime=ended_at,
        producer=f"urn:antm2c:{revision}",
        run=Run(str(uuid5(NAMESPACE_URL, run)), facets={"nominalTime": nominal}),
        job=Job(_NAMESPACE, f"{catalog.dataset}.{job}", facets={"jobType": kind}),
        eventType=RunState.COMPLETE,
        inputs=_inputs(catalog, inputs),
        outputs=[output],
    )


def _inputs(catalog: Catalog, inputs: Iterable[Input]) -> list[Any]:
    """Return one dataset for each table that was read. Partitions that did not exist are left out."""
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import base_subset_dataset

    read = sorted((entry.table, entry.date, entry.version) for entry in inputs if entry.version is not None)
    return [
        InputDataset(
            *_table(catalog, table),
            inputFacets={
                "inputSubset": base_subset_dataset.InputSubsetInputDatasetFacet(
                    _partitions([(date, version) for _, date, version in entries])
                )
            },
        )
        for table, entries in groupby(read, key=lambda entry: entry[0])
    ]


def _partitions(dates: list[tuple[str, str]]) -> Any:
    """Return the condition that selects these partitions. dates: each with its version."""
    from openlineage.client.facet_v2 import base_subset_dataset

    return base_subset_dataset.PartitionSubsetCondition(
        [base_subset_dataset.Partition({"date": date}, identifier=version) for date, version in dates]
    )


def _table(catalog: Catalog, folder: str) -> tuple[str, str]:
    """Return a table's namespace and name, as OpenLineage's naming has them for files."""
    # Not urlsplit(): a warehouse's path may have # or ? in it, as paths are not escaped in its URI.
    scheme, _, place = catalog.storage.uri(TABLES[folder].name(catalog.dataset)).partition("://")
    host, _, path = place.partition("/")
    return (f"{scheme}://{host}" if host else scheme), f"/{path}"


def _send(what: str, event: Any) -> None:
    """Send an event. What was published stays published if that fails, so a failure is only reported."""
    try:
        from openlineage.client import OpenLineageClient

        with closing(OpenLineageClient()) as client:
            client.emit(event())
    except Exception as error:  # each transport raises its own errors
        print(f"{what} is published, but its lineage event was not sent: {error}", file=sys.stderr, flush=True)
