"""Write staged partitions, and check them."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField

from spark_jobs.common.errors import StageError
from warehouse.publish import Content, StagedPartition
from warehouse.tables import DEEP_FEATURES, Table

_LOW_HALF = 0xFFFFFFFF
_ROWS_FOR_ONE_TASK = 200_000  # a second of work: below this, a shuffle costs more than a second core saves


def in_one_task(frame: DataFrame, rows: int) -> DataFrame:
    """Coalesce a small frame to one task, so that Spark groups it without a shuffle. rows: its number of rows."""
    return frame.coalesce(1) if rows <= _ROWS_FOR_ONE_TASK else frame


def no_rows(spark: SparkSession, table: Table) -> DataFrame:
    """Return an empty frame with the table's columns, which Spark's optimizer removes from joins and unions."""
    columns = ", ".join(f"CAST(NULL AS {spark_type}) AS `{name}`" for name, spark_type in table.columns)
    return spark.sql(f"SELECT {columns} WHERE false")


def write_staged(
    frame: DataFrame, staged: StagedPartition, counts: dict[str, str] | None = None, condition: str = "true"
) -> tuple[Content, dict[str, int]]:
    """Write the frame to the staged folder, and compute its content and `counts` in the same pass. Returns both.

    counts: SQL aggregates over the whole frame, by name. condition: SQL for the rows that belong to the content.
    Raises StageError if the frame does not have the table's columns, or if a required value is null.
    """
    table, fields = staged.table, frame.schema.fields
    columns = [[field.name, field.dataType.simpleString()] for field in fields]
    expected = [list(column) for column in table.columns]
    if columns != expected:
        wrong = [column for column in columns if column not in expected]
        raise StageError(
            f"{table.folder} date={staged.date}: the columns {wrong or columns} are not those that warehouse/tables.py "
            "declares for this table"
        )
    # Both sums contain the very same expression, condition included, so that Spark hashes each row once.
    row_hash = f"if(({condition}), {_null_safe_hash(fields)}, 0)"
    aggregates = {
        "rows": f"count_if({condition})",
        "nulls": f"count_if(({condition}) AND ({_any_null(table)}))",
        # In two halves, because a sum of 64-bit hashes would overflow.
        "low": f"sum({row_hash} & {_LOW_HALF}L)",
        "high": f"sum(shiftrightunsigned({row_hash}, 32))",
        **{f"count_{name}": count for name, count in (counts or {}).items()},
    }
    observation = Observation()
    observed = frame.observe(observation, *(F.expr(f"{sql} AS `{name}`") for name, sql in aggregates.items()))
    observed.write.format(table.format).partitionBy(*table.partitions[1:]).mode("overwrite").save(staged.uri)
    sums = observation.get
    if sums.get("nulls"):
        raise StageError(
            f"{sums['nulls']} rows of {table.folder} date={staged.date} have null in a required column, "
            "so nothing is published; run the stage again"
        )
    checksum = f"{sums.get('high') or 0:x}-{sums.get('low') or 0:x}"
    counted = {name: sums.get(f"count_{name}") or 0 for name in counts or {}}
    return Content(rows=sums.get("rows") or 0, columns=columns, checksum=checksum), counted


def empty_content(table: Table) -> Content:
    """Return the content of a partition without rows: the same that `write_staged` returns for an empty frame."""
    return Content(rows=0, columns=[list(column) for column in table.columns], checksum="0-0")


def check_conserved(staged: StagedPartition, counted: int, impressions: int) -> None:
    """Raise StageError if the impressions counted in a partition are not as many as the rows of the logs."""
    if counted != impressions:
        raise StageError(
            f"{staged.table.folder} date={staged.date} counts {counted} impressions, but the logs have {impressions} "
            "rows, so nothing is published; run the stage again"
        )


def check_scene_folders(staged: StagedPartition, rows: dict[int, int]) -> None:
    """Raise StageError if the folder of a scene with rows is missing. rows: the number of rows by scene."""
    missing = [scene for scene, n in rows.items() if n and not staged.has_folder(f"scene={scene}")]
    if missing:
        scenes = ", ".join(map(str, missing))
        raise StageError(f"scenes {scenes} have rows but no folder in {staged.uri}; run the stage again")


def _any_null(table: Table) -> str:
    return " OR ".join(f"`{name}` IS NULL" for name in table.column_names if name not in DEEP_FEATURES)


def _null_safe_hash(fields: Sequence[StructField]) -> str:
    # xxhash64 skips nulls, so that ('a', null) and (null, 'a') would be equal: hash also which columns are null.
    hashed = [f"`{field.name}`" for field in fields] + [f"`{field.name}` IS NULL" for field in fields if field.nullable]
    return f"xxhash64({', '.join(hashed)})"
