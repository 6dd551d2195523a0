"""Read dates of a table as a pandas DataFrame, for notebooks and scripts."""

from collections.abc import Sequence
from datetime import date as calendar_date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError, first_line
from warehouse.settings import read_settings
from warehouse.tables import CANDIDATE_FEATURES, SCORES, TRAIN, WATCH, Table

if TYPE_CHECKING:
    import pandas as pd

# The tables, and what publishes their dates.
_MADE_BY = {
    TRAIN: "the stages",
    CANDIDATE_FEATURES: "score_candidates",
    SCORES: "score_candidates and predict",
    WATCH: "watch",
}
_TABLES = {table.folder: table for table in _MADE_BY}
_PARTITIONS = {"date": pa.date32(), "scene": pa.int32()}


def read_frame(
    table: str,
    start: str,
    end: str,
    columns: Sequence[str] | None = None,
    warehouse: str | None = None,
    dataset: str | None = None,
) -> "pd.DataFrame":
    """Return the rows of a table from `start` to `end`, both inclusive, as a DataFrame backed by Arrow.

    table: train (the training table), candidate_features, scores or watch. columns: those wanted, `date` among them;
    all without it. warehouse, dataset: those of the settings (ANTM2C_WAREHOUSE, ANTM2C_DATASET) unless given.

    All rows are held in memory, so choose the columns of long windows. Rows are in the order of the files. Raises
    WarehouseError if a date is not published or cannot be read, or if there is no such table or column.
    """
    settings = read_settings()
    catalog = Catalog(warehouse or settings.warehouse, dataset or settings.dataset)
    if table not in _TABLES:
        raise WarehouseError(f"there is no table {table!r} to read as a DataFrame: choose one of {', '.join(_TABLES)}")
    return _as_frame(_read(catalog, _TABLES[table], _days(start, end), columns))


def _days(start: str, end: str) -> list[str]:
    for date in (start, end):
        try:
            written = calendar_date.fromisoformat(date).isoformat()
        except ValueError:
            written = ""
        if written != date:
            raise WarehouseError(f"{date!r} is not a date: write it as YYYY-MM-DD")
    if start > end:
        raise WarehouseError(f"the first date, {start}, is after the last one, {end}")
    return days(start, end)


def _read(catalog: Catalog, table: Table, dates: Sequence[str], columns: Sequence[str] | None) -> pa.Table:
    _require_published(catalog, table, dates)
    # Not table.column_names: a notebook names the dataset after its process has begun to work with another one.
    known = ["date", *(name for name, _ in table.columns_for(catalog.scenes))]
    if unknown := [name for name in columns or () if name not in known]:
        raise WarehouseError(
            f"{table.name(catalog.dataset)} has no column {', '.join(unknown)}: it has {', '.join(known)}"
        )
    files = [entry["name"] for date in dates for entry in catalog.files(table, date)]
    partitions = ds.partitioning(pa.schema([(name, _PARTITIONS[name]) for name in table.partitions]), flavor="hive")
    try:
        dataset = ds.dataset(files, format="parquet", filesystem=catalog.storage.filesystem, partitioning=partitions)
        return dataset.to_table(columns=list(columns) if columns is not None else known)
    except (pa.ArrowException, OSError) as error:
        raise WarehouseError(
            f"{table.name(catalog.dataset)} cannot be read from {dates[0]} to {dates[-1]} ({first_line(error)}): "
            "run the stage of the damaged date again"
        ) from error


def _require_published(catalog: Catalog, table: Table, dates: Sequence[str]) -> None:
    published = catalog.dates(table)
    if missing := [date for date in dates if date not in published]:
        there = f"there are {published[0]} to {published[-1]}" if published else "there are no dates at all"
        raise WarehouseError(
            f"{table.name(catalog.dataset)} lacks {len(missing)} of these dates, {missing[0]} first; {there} in "
            f"{catalog.storage.root}: choose other dates, or run {_MADE_BY[table]} for these"
        )
    for date in dates:
        catalog.require_whole(table, date)


def _as_frame(rows: pa.Table) -> "pd.DataFrame":
    import pandas as pd  # only here: nothing else in this room needs it

    texts = pd.StringDtype("pyarrow")
    return rows.to_pandas(types_mapper=lambda kind: texts if pa.types.is_string(kind) else pd.ArrowDtype(kind))
