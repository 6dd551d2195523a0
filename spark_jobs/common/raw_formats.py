"""The formats of raw files, which are told by the names of the files. A date may have files of several formats."""

from collections.abc import Sequence

from fsspec.utils import infer_compression
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.csv_header import Header, RawFiles, check_file_name, read_header
from spark_jobs.common.errors import StageError
from spark_jobs.common.raw_csv import read_raw
from spark_jobs.common.raw_json import JSON_SUFFIXES, JsonNames, read_json, read_json_names
from spark_jobs.common.raw_parquet import ParquetSchema, read_parquet, read_parquet_schema
from warehouse.catalog import Catalog
from warehouse.raw_files import PARQUET_SUFFIXES
from warehouse.raw_mapping import RawMapping

AnyHeader = Header | JsonNames | ParquetSchema


def read_any_header(catalog: Catalog, path: str, mapping: RawMapping, required: Sequence[str]) -> AnyHeader | None:
    """Read the names of a file's columns, and what else files that are read at once must share. None if it is empty."""
    check_file_name(path)
    plain = path.lower() if infer_compression(path) is None else path.lower().rpartition(".")[0]
    if plain.endswith(JSON_SUFFIXES):
        return read_json_names(catalog, path, mapping, required)
    if not plain.endswith(PARQUET_SUFFIXES):
        return read_header(catalog, path, mapping, required)
    if plain != path.lower():
        raise StageError(f"{path}: a Parquet file must not be compressed as a whole; decompress it")
    return read_parquet_schema(catalog, path, mapping, required)


def read_any(spark: SparkSession, group: RawFiles, mapping: RawMapping, as_bytes: bool) -> DataFrame:
    """Read raw files with the same columns: all as strings, with `malformed`, `raw_line` and `source_file` added."""
    if isinstance(group.header, JsonNames):
        return read_json(spark, group)
    if isinstance(group.header, ParquetSchema):
        return read_parquet(spark, group, mapping)
    return read_raw(spark, group, mapping, as_bytes)
