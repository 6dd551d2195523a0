"""Reading published partitions and writing staged ones."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.common.errors import StageError
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.tables import DEEP_FEATURES, Table

_LOW_HALF = 0xFFFFFFFF


def read_dates(spark: SparkSession, catalog: Catalog, table: Table, dates: Sequence[str]) -> DataFrame:
    """The rows of published partitions: the table's columns and `date`. No date gives no rows.

    Raises WarehouseError where files of theirs are gone or cut off, which would read as fewer rows.
    """
    schema = f"{table.ddl}, `date` string"
    if not dates:
        return no_rows(spark, table).select("*", F.lit("").alias("date"))
    for date in dates:
        catalog.require_whole(table, date)
    root = catalog.storage.uri(table.name(catalog.dataset))
    reader = spark.read.schema(schema).format(table.format).option("basePath", root)
    return reader.load([catalog.uri(table, date) for date in dates]).select(*table.column_names, "date")


def no_rows(spark: SparkSession, table: Table) -> DataFrame:
    """The table's columns without a row, in a form that Spark drops from joins and unions."""
    columns = ", ".join(f"CAST(NULL AS {spark_type}) AS `{name}`" for name, spark_type in table.columns)
    return spark.sql(f"SELECT {columns} WHERE false")


def write_staged(
    frame: DataFrame,
    staged: StagedPartition,
    counts: dict[str, Column] | None = None,
    only: Column | None = None,
) -> tuple[Content, dict[str, int]]:
    """Writes the frame into the staged folder; rows, checksum and the wanted counts come from the same pass.

    `counts` are aggregates over the frame. `only` marks the rows that belong to the content, where not all do.
    Raises StageError where a column of the table's contract is missing, of another type or, deep features apart, null.
    """
    table = staged.table
    content = frame.select(*table.column_names)
    columns = [[field.name, field.dataType.simpleString()] for field in content.schema.fields]
    expected = [list(column) for column in table.columns]
    if columns != expected:
        wrong = [column for column, wanted in zip(columns, expected, strict=True) if column != wanted]
        raise StageError(f"{table.folder} date={staged.date}: columns {wrong} do not have their table's types")
    belongs = F.lit(True) if only is None else only
    # Outside of the two sums: within a condition in each, Spark would hash every row twice.
    row_hash = F.when(belongs, _null_safe_hash(frame)).otherwise(F.lit(0))
    observation = Observation()
    observed = frame.observe(
        observation,
        F.count_if(belongs).alias("rows"),
        F.count_if(belongs & F.expr(_any_null(table))).alias("nulls"),
        # Two halves: their sums stay far from overflow where a sum of 64-bit hashes would not.
        F.sum(row_hash.bitwiseAND(F.lit(_LOW_HALF))).alias("low"),
        F.sum(F.shiftrightunsigned(row_hash, 32)).alias("high"),
        *(count.alias(f"count_{name}") for name, count in (counts or {}).items()),
    )
    by = table.partitions[1:]
    observed.select(*table.column_names).write.format(table.format).partitionBy(*by).mode("overwrite").save(staged.uri)
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


def _null_safe_hash(frame: DataFrame) -> Column:
    # xxhash64 passes over nulls, so that ('a', null) would equal (null, 'a'): hash what is null as well.
    fields = frame.schema.fields
    hashed = [f"`{field.name}`" for field in fields] + [f"`{field.name}` IS NULL" for field in fields if field.nullable]
    return F.expr(f"xxhash64({', '.join(hashed)})")  # one expression: a Column a field takes longer than a small date
