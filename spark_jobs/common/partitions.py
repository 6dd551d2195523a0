"""Reading published partitions and writing staged ones."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from spark_jobs.common.errors import StageError
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.tables import DEEP_FEATURES, Table

_LOW_HALF = 0xFFFFFFFF
_ROWS_OF_ONE_TASK = 200_000  # a second's work: a shuffle of fewer takes longer than what a second core saves


def read_dates(spark: SparkSession, catalog: Catalog, table: Table, dates: Sequence[str]) -> DataFrame:
    """The rows of published partitions: the table's columns and `date`. No date gives no rows.

    Raises WarehouseError where files of theirs are gone or cut off, which would read as fewer rows.
    """
    if not dates:
        return no_rows(spark, table).selectExpr("*", "'' AS date")
    for date in dates:
        catalog.require_whole(table, date)
    root = catalog.storage.uri(table.name(catalog.dataset))
    reader = spark.read.schema(f"{table.ddl}, `date` string").format(table.format).option("basePath", root)
    return reader.load([catalog.uri(table, date) for date in dates])


def in_one_task(frame: DataFrame, rows: int) -> DataFrame:
    """The frame in a single partition if it has few rows, so that Spark groups it without a shuffle."""
    return frame.coalesce(1) if rows <= _ROWS_OF_ONE_TASK else frame


def no_rows(spark: SparkSession, table: Table) -> DataFrame:
    """The table's columns without a row, in a form that Spark drops from joins and unions."""
    columns = ", ".join(f"CAST(NULL AS {spark_type}) AS `{name}`" for name, spark_type in table.columns)
    return spark.sql(f"SELECT {columns} WHERE false")


def write_staged(
    frame: DataFrame,
    staged: StagedPartition,
    counts: dict[str, str] | None = None,
    only: str = "true",
) -> tuple[Content, dict[str, int]]:
    """Writes the frame into the staged folder; rows, checksum and the wanted counts come from the same pass.

    `counts` are SQL aggregates over the frame. `only` is the SQL condition on the rows that belong to the content.
    Raises StageError where the frame's columns are not those of the table, or one is null that may not be.
    """
    table, fields = staged.table, frame.schema.fields
    columns = [[field.name, field.dataType.simpleString()] for field in fields]
    expected = [list(column) for column in table.columns]
    if columns != expected:
        wrong = [column for column in columns if column not in expected]
        raise StageError(f"{table.folder} date={staged.date}: columns {wrong or columns} are not those of their table")
    # The same expression in both sums, condition included, so that Spark hashes a row once.
    row_hash = f"if(({only}), {_null_safe_hash(fields)}, 0)"
    aggregates = {
        "rows": f"count_if({only})",
        "nulls": f"count_if(({only}) AND ({_any_null(table)}))",
        # Two halves: their sums stay far from overflow where a sum of 64-bit hashes would not.
        "low": f"sum({row_hash} & {_LOW_HALF}L)",
        "high": f"sum(shiftrightunsigned({row_hash}, 32))",
        **{f"count_{name}": count for name, count in (counts or {}).items()},
    }
    observation = Observation()
    observed = frame.observe(observation, *(F.expr(f"{sql} AS `{name}`") for name, sql in aggregates.items()))
    by = table.partitions[1:]
    observed.write.format(table.format).partitionBy(*by).mode("overwrite").save(staged.uri)
    seen = observation.get
    if seen.get("nulls"):
        raise StageError(
            f"{seen['nulls']} rows of {table.folder} date={staged.date} lack a value where none may be missing; "
            "nothing is published"
        )
    checksum = f"{seen.get('high') or 0:x}-{seen.get('low') or 0:x}"
    counted = {name: seen.get(f"count_{name}") or 0 for name in counts or {}}
    return Content(rows=seen.get("rows") or 0, columns=columns, checksum=checksum), counted


def check_conserved(staged: StagedPartition, counted: int, impressions: int) -> None:
    """Raises StageError where the counted impressions of the day are not the rows of the day's logs."""
    if counted != impressions:
        raise StageError(
            f"{staged.table.folder} date={staged.date} counts {counted} impressions, but the logs hold {impressions} "
            "rows; nothing is published"
        )


def check_scene_folders(catalog: Catalog, staged: StagedPartition, rows: dict[int, int]) -> None:
    """Raises StageError where a scene that has rows has no folder. rows: by scene, as they were counted."""
    missing = [scene for scene, n in rows.items() if n and not catalog.storage.exists(f"{staged.path}/scene={scene}")]
    if missing:
        scenes = ", ".join(map(str, missing))
        raise StageError(f"scenes {scenes} have rows and no folder in {staged.uri}; run the stage again")


def _any_null(table: Table) -> str:
    return " OR ".join(f"`{name}` IS NULL" for name in table.column_names if name not in DEEP_FEATURES)


def _null_safe_hash(fields: Sequence[StructField]) -> str:
    # xxhash64 passes over nulls, so that ('a', null) would equal (null, 'a'): hash what is null as well.
    hashed = [f"`{field.name}`" for field in fields] + [f"`{field.name}` IS NULL" for field in fields if field.nullable]
    return f"xxhash64({', '.join(hashed)})"
