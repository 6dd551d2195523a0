"""Read dates of the training table, or of candidates, which have no label, with pyarrow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from training.data.arrow_columns import CODED, KEYS, SCHEMA, codes_and_values, schema_of
from training.errors import TrainingError
from warehouse.catalog import Catalog
from warehouse.errors import first_line
from warehouse.tables import CANDIDATE_FEATURES, SCENES, TRAIN, Table

_LABELLED_KEYS = (*KEYS, "label")
_WRITTEN_BY = {TRAIN: "training_table", CANDIDATE_FEATURES: "score_candidates"}
_TEXTS = [name for name, arrow_type in zip(SCHEMA.names, SCHEMA.types, strict=True) if arrow_type == CODED]
_COLUMN_BUFFER_BYTES = 64 * 1024  # per column of an open row group
PIECE_ROWS = 16_384  # rows read at a time when a date is not read whole
_BY_SCENE = ds.partitioning(pa.schema([("scene", pa.int32())]), flavor="hive")


Read = Callable[..., Iterator[pa.Table]]  # read_dates or read_in_pieces: takes catalog, dates, columns


def read_dates(catalog: Catalog, dates: Sequence[str], columns: Sequence[str] = ()) -> Iterator[pa.Table]:
    """Yield one table for each date with rows. It has the key columns and the given columns.

    Rows are sorted by time, scene, user, item and label. Their order, and everything drawn from a seed, then depends
    only on the content and not on how the files were written. Raises TrainingError if a date cannot be read.
    """
    for date in dates:
        table = _read(catalog, date, (*_LABELLED_KEYS, *columns))
        if len(table):
            yield table.take(_content_order(table))


def read_keys(catalog: Catalog, dates: Sequence[str]) -> pa.Table:
    """Return the key columns of all rows of the dates, in the order of read_dates."""
    tables = list(read_dates(catalog, dates))
    if not tables:
        return schema_of(_LABELLED_KEYS).empty_table()
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def count_rows(catalog: Catalog, date: str, table: Table = TRAIN) -> int:
    """Count the rows of a date from the footers of its files. Raises TrainingError if the manifest says otherwise."""
    dataset = _dataset(catalog, table, date)
    try:
        rows = dataset.count_rows() if dataset else 0
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(catalog, table, date, error) from error
    manifest = catalog.manifest(table, date)
    if manifest and manifest.rows != rows:
        raise TrainingError(
            f"{catalog.uri(table, date)} has {rows} rows, but its manifest says {manifest.rows}: "
            f"run the stage {_WRITTEN_BY[table]} for this date again"
        )
    return rows


@dataclass(frozen=True)
class RowGroup:
    """A row group of a Parquet file: a part of a date that can be read on its own."""

    catalog: Catalog
    table: Table
    date: str
    fragment: ds.ParquetFileFragment

    @property
    def rows(self) -> int:
        """The number of rows, from the file's footer."""
        return sum(group.num_rows for group in self.fragment.row_groups)

    def tables(self, columns: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Yield the key columns and the given columns, `rows` rows at a time, in the order of the file.

        Raises TrainingError if the file cannot be read.
        """
        wanted = schema_of((*(name for name in _LABELLED_KEYS if name in self.table.column_names), *columns))
        _require_columns(self.fragment, wanted.names, self.table)
        partition_values = ds.get_partition_keys(self.fragment.partition_expression)
        reading = {"columns": [name for name in wanted.names if name not in partition_values], "use_threads": False}
        reading["row_groups"] = [group.id for group in self.fragment.row_groups]
        try:
            # A dataset's scanner would decode the whole row group at once.
            file = pq.ParquetFile(
                self.fragment.open(),
                metadata=self.fragment.metadata,
                read_dictionary=_TEXTS,
                buffer_size=_COLUMN_BUFFER_BYTES,
                pre_buffer=False,
            )
            for batch in file.iter_batches(rows, **reading):
                table = pa.Table.from_batches([batch])
                for name, value in partition_values.items():
                    table = table.append_column(name, pa.repeat(value, len(table)))
                table = table.select(wanted.names).cast(wanted)
                _check_values(self.catalog.uri(self.table, self.date), table)
                yield table
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.catalog, self.table, self.date, error) from error


def row_groups(catalog: Catalog, dates: Sequence[str], table: Table = TRAIN) -> list[RowGroup]:
    """List the row groups of the dates' files. Raises TrainingError if a file cannot be read."""
    groups = []
    for date in dates:
        if dataset := _dataset(catalog, table, date):
            try:
                fragments = [part for file in dataset.get_fragments() for part in file.split_by_row_group()]
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(catalog, table, date, error) from error
            groups += [RowGroup(catalog, table, date, fragment) for fragment in fragments]
    return groups


def read_in_pieces(
    catalog: Catalog, dates: Sequence[str], columns: Sequence[str] = (), table: Table = TRAIN
) -> Iterator[pa.Table]:
    """Yield the same columns as read_dates, but PIECE_ROWS rows at a time and in file order, to save memory.

    Candidates have no label.
    """
    for group in row_groups(catalog, dates, table):
        yield from group.tables(columns, PIECE_ROWS)


def _read(catalog: Catalog, date: str, columns: Sequence[str]) -> pa.Table:
    schema = schema_of(columns)
    dataset = _dataset(catalog, TRAIN, date)
    if dataset is None:
        return schema.empty_table()
    try:
        for fragment in dataset.get_fragments():
            _require_columns(fragment, columns, TRAIN)
        table = dataset.to_table(columns=list(columns)).unify_dictionaries().cast(schema).combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(catalog, TRAIN, date, error) from error
    _check_values(catalog.uri(TRAIN, date), table)
    return table


def _require_columns(fragment: ds.ParquetFileFragment, columns: Sequence[str], table: Table) -> None:
    missing = sorted({*columns} - {*fragment.physical_schema.names, "scene"})
    if missing:
        raise TrainingError(
            f"{fragment.path} lacks the columns {', '.join(missing)}: "
            f"run the stage {_WRITTEN_BY[table]} for this date again"
        )


def _dataset(catalog: Catalog, table: Table, date: str) -> ds.Dataset | None:
    files = [entry["name"] for entry in catalog.files(table, date)]
    if not files:
        return None
    parquet = ds.ParquetFileFormat(dictionary_columns=_TEXTS)
    try:
        return ds.dataset(files, format=parquet, filesystem=catalog.storage.filesystem, partitioning=_BY_SCENE)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(catalog, table, date, error) from error


def _check_values(uri: str, table: pa.Table) -> None:
    for name, allowed in (("label", (0, 1)), ("scene", tuple(SCENES))):
        if name not in table.column_names:
            continue
        unknown = sorted(str(value) for value in pc.unique(table[name]).to_pylist() if value not in allowed)
        if unknown:
            raise TrainingError(
                f"{uri} has the invalid {name} {', '.join(unknown)}; valid are {allowed}: run the "
                "stages for this date again"
            )


def _content_order(table: pa.Table) -> np.ndarray:
    by = [table["label"].to_numpy(), _ranks(table["item_id"]), _ranks(table["user_id"])]
    return np.lexsort((*by, table["scene"].to_numpy(), table["log_ts"].cast(pa.int64()).to_numpy()))


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    codes, values = codes_and_values(column)
    rank = np.empty(len(values), dtype=np.int64)
    rank[pc.sort_indices(values).to_numpy()] = np.arange(len(values))
    return rank[codes]


def _unreadable(catalog: Catalog, table: Table, date: str, error: Exception) -> TrainingError:
    return TrainingError(
        f"{catalog.uri(table, date)} cannot be read ({first_line(error)}): run the stage {_WRITTEN_BY[table]} for "
        f"{date} again"
    )
