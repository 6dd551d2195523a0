"""Raw Parquet files as DataFrames of strings."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.csv_header import RawFiles, check_names
from spark_jobs.common.errors import StageError
from spark_jobs.common.java_errors import java_causes
from spark_jobs.common.raw_csv import SOURCE_FILE
from spark_jobs.common.typed_values import in_utc
from warehouse.catalog import Catalog
from warehouse.raw_mapping import RawMapping
from warehouse.tables import RAW_COLUMNS

_INSTANT = pa.timestamp("us", tz="UTC")
_UNSUPPORTED = {"BROTLI", "LZO"}


@dataclass(frozen=True)
class ParquetSchema:
    """The names and Arrow types of a file's columns."""

    columns: tuple[tuple[str, pa.DataType], ...]


def read_parquet_schema(catalog: Catalog, path: str, mapping: RawMapping, required: Sequence[str]) -> ParquetSchema:
    """Read a file's schema. Raises StageError if it cannot be read, or lacks or repeats a column."""
    try:
        with catalog.storage.filesystem.open(path, "rb") as file:
            parquet = pyarrow.parquet.ParquetFile(file)
            schema, stored, metadata = parquet.schema_arrow, parquet.schema, parquet.metadata
    except (OSError, pa.ArrowException) as error:
        raise StageError(f"{path} cannot be read as Parquet ({error}); write the file again") from error
    if unreadable := _UNSUPPORTED.intersection(_compressions(metadata)):
        raise StageError(f"{path}: Spark cannot read {unreadable.pop()} in Parquet; write the file with zstd or snappy")
    check_names(schema.names, f"{path}: the schema", mapping, required)
    columns = (stored.column(position) for position in range(len(stored)))
    instants = {column.path for column in columns if column.physical_type == "INT96"}  # as Spark writes them: in UTC
    types = (_INSTANT if name in instants else type_ for name, type_ in zip(schema.names, schema.types, strict=True))
    return ParquetSchema(tuple(zip(schema.names, types, strict=True)))


def _compressions(metadata: pa.parquet.FileMetaData) -> set[str]:
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return {group.column(position).compression for group in groups for position in range(group.num_columns)}


def read_parquet(spark: SparkSession, group: RawFiles[ParquetSchema], mapping: RawMapping) -> DataFrame:
    """Read files with one schema: every column as a string, and `malformed`, `raw_line` (JSON) and `source_file`.

    Times are written in UTC, with a Z. A text that is not UTF-8 makes a row malformed.
    """
    try:
        rows = spark.read.parquet(*group.uris)
    except PySparkException as error:
        cause = java_causes(error)[-1]
        raise StageError(
            f"{group.uris[0]} cannot be read ({cause}); write as strings the columns that Spark cannot read"
        ) from error
    spark_types = dict(rows.dtypes)
    texts = {
        column: _as_text(_quoted(name), spark_types[name], arrow_type, column, mapping)
        for name, arrow_type in group.header.columns
        if (column := mapping.column_of(name))
    }
    damaged = " OR ".join(f"ifnull(NOT is_valid_utf8(`{column}`), false)" for column in texts)
    return rows.selectExpr(
        *(f"{texts.get(column, 'CAST(NULL AS string)')} AS `{column}`" for column in RAW_COLUMNS),
        "make_valid_utf8(to_json(struct(*))) AS raw_line",
        f"{SOURCE_FILE} AS source_file",
    ).selectExpr(*(f"`{column}`" for column in RAW_COLUMNS), f"{damaged} AS malformed", "raw_line", "source_file")


def _as_text(value: str, spark_type: str, arrow_type: pa.DataType, column: str, mapping: RawMapping) -> str:
    """Return the SQL of a value as CSV would have it. Missing values are null, also those that pandas writes as NaN."""
    if pa.types.is_timestamp(arrow_type):
        # Spark reads nanoseconds as numbers; see spark_jobs/common/session.py.
        time = f"timestamp_micros({value} div 1000)" if spark_type == "bigint" else f"CAST({value} AS timestamp)"
        return f"concat(CAST({time if arrow_type.tz else in_utc(time, mapping)} AS string), 'Z')"
    if spark_type in ("float", "double"):
        whole = f"{value} = floor({value}) AND abs({value}) < 1e18"
        fraction = f"try_cast({value} AS decimal(20, 6))" if column == "log_time" else value  # not 1.6E9
        cases = f"WHEN isnan({value}) THEN NULL WHEN {whole} THEN CAST(CAST({value} AS bigint) AS string)"
        return f"CASE {cases} ELSE CAST({fraction} AS string) END"
    if spark_type.startswith("decimal"):
        return f"IF({value} = floor({value}), CAST(floor({value}) AS string), CAST({value} AS string))"
    if spark_type.startswith(("array", "map", "struct")):
        return f"to_json({value})"
    return f"CAST({value} AS string)"


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
