"""The object with which a stage reads published partitions and publishes new ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import no_rows
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.manifest import Input, Manifest
from warehouse.publish import Content, StagedPartition
from warehouse.tables import Table


@dataclass(frozen=True)
class Stage:
    """The Spark session, the dataset, and the freshness of its partitions, which `publish` keeps up to date."""

    spark: SparkSession
    catalog: Catalog
    freshness: Freshness

    def require(self, table: Table, date: str, written_by: str) -> Input:
        """Return the partition as an input. If it is missing or stale, raises StageError, which says what to run."""
        problems, verdict = self.freshness.problems([(table, date)]), self.freshness.verdict(table, date)
        if problems:
            raise StageError(f"{problems[0]}. Run {verdict.to_run(f'{written_by} for {date}')} first")
        return self.input(table, date)

    def input(self, table: Table, date: str) -> Input:
        """Return the partition as an input. Its version is None if it is not published."""
        manifest = self.freshness.manifest(table, date)
        return Input(table.folder, date, manifest.version if manifest else None)

    def rows(self, table: Table, *dates: str) -> int:
        """Return the number of rows of published partitions, as their manifests give it."""
        return sum(manifest.rows for date in dates if (manifest := self.freshness.manifest(table, date)))

    def read(self, table: Table, *dates: str) -> DataFrame:
        """Read published partitions: the table's columns and `date`. Without dates, the result has no rows.

        Raises WarehouseError if data files are missing or truncated. Spark would silently read fewer rows.
        """
        if not dates:
            return no_rows(self.spark, table).selectExpr("*", "'' AS date")
        for date in dates:
            self.catalog.require_whole(table, date)
        root = self.catalog.storage.uri(table.name(self.catalog.dataset))
        reader = self.spark.read.schema(f"{table.ddl}, `date` string").format(table.format).option("basePath", root)
        return reader.load([self.catalog.uri(table, date) for date in dates])

    def staged(self, table: Table, date: str) -> StagedPartition:
        """Create a partition to write into. Use it in a `with` block."""
        return StagedPartition(self.catalog, table, date)

    def publish(
        self,
        staged: StagedPartition,
        content: Content,
        inputs: Iterable[Input],
        history_start: str | None = None,
        parameters: dict[str, int] | None = None,
    ) -> Manifest:
        """Move a staged partition into place."""
        manifest = staged.publish(content, list(inputs), history_start, parameters)
        self.freshness.republished(staged.table, staged.date)
        return manifest
