"""Schemas of Parquet files, without Spark."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.common.raw_parquet import read_parquet_schema
from warehouse.catalog import Catalog
from warehouse.raw_mapping import RawMapping


def test_the_instants_that_spark_writes_are_told_from_times_without_a_zone(tmp_path: Path) -> None:
    table = pa.table({"log_time": pa.array([datetime(2023, 7, 20, 1)], pa.timestamp("ns"))})
    types = []
    for name, as_int96 in (("spark.parquet", True), ("pandas.parquet", False)):
        pq.write_table(table, tmp_path / name, use_deprecated_int96_timestamps=as_int96)
        schema = read_parquet_schema(Catalog(str(tmp_path), "test"), str(tmp_path / name), RawMapping(), ["log_time"])
        types.append(dict(schema.columns)["log_time"])
    assert [time.tz for time in types] == ["UTC", None]
