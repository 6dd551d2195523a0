"""The stages except user_sequences in DuckDB, to compare the Spark stages with.

The rules are the same; tables are Parquet with zstd. It does not do what else the Spark stages do: content checksums,
manifests, freshness and staged publishing.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks import duckdb_sql as sql
from benchmarks.duckdb_sql import DuckEntity
from warehouse.tables import DAILY_UI, FEATURES_UI, LOGS, REJECTS, TRAIN, WINDOW_DAYS, Table

_PARQUET = "FORMAT parquet, COMPRESSION zstd"
_REJECTED = -1


class DuckEtl:
    """Writes tables to `<folder>/<table>/date=D`. Dates must come in ascending order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = duckdb.connect()
        self._connection.execute(
            "SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = false"
        )

    def csv_to_logs(self, csv: str, date: str) -> dict[str, int]:
        """Write logs and rejects of one date in one pass over the CSV. Returns rows by scene and by reject reason."""
        # As in csv_to_orc, rejected rows are written to the logs first, as a scene of their own.
        self._copy(sql.judged_rows(csv, date, _REJECTED), LOGS, date)
        rejected = self._path(LOGS, date) / f"scene={_REJECTED}"
        carried = str(rejected / "*.parquet") if rejected.exists() else None
        self._copy(sql.rejects(csv, carried), REJECTS, date)
        shutil.rmtree(rejected, ignore_errors=True)
        by_scene = self._counts("scene", LOGS, date)
        by_reason = self._counts("reason", REJECTS, date)
        return {**{f"scene {scene}": rows for scene, rows in by_scene.items()}, **by_reason}

    def entity_features(self, entity: DuckEntity, dates: Sequence[str]) -> None:
        """Write the last date's counters, and its features from the snapshot before it and seven dates of counters."""
        date, before = dates[-1], dates[-2] if len(dates) > 1 else None
        self._copy(sql.daily_counts(self._files(LOGS, date), entity), entity.daily, date)
        daily = [self._files(entity.daily, day) for day in dates[-WINDOW_DAYS:]]
        snapshot = self._files(entity.features, before) if before else None
        self._copy(sql.entity_features(daily, snapshot, date, entity), entity.features, date)

    def pair_features(self, dates: Sequence[str]) -> None:
        """Write each pair's counts on the last date, and its totals over all earlier dates."""
        *earlier, date = (self._files(DAILY_UI, day) for day in dates)
        self._copy(sql.daily_pairs(self._files(LOGS, dates[-1])), DAILY_UI, dates[-1])
        self._copy(sql.pair_history(date, earlier), FEATURES_UI, dates[-1])

    def training_table(self, dates: Sequence[str]) -> None:
        """Write the last date's logs with the features of the date before."""
        date, before = dates[-1], dates[-2]
        users, items = (self._files(entity.features, before) for entity in (sql.USER, sql.ITEM))
        rows = sql.training_rows(self._files(LOGS, date), users, items, self._files(FEATURES_UI, date))
        self._copy(rows, TRAIN, date)

    def differing_rows(self, files: str, date: str) -> int:
        """Return how many rows are only in the date's training table or only in Parquet files with the same columns."""
        columns = ", ".join(TRAIN.column_names)
        ours, theirs = (f"SELECT {columns} FROM {sql.parquet(f)}" for f in (self._files(TRAIN, date), files))
        either = f"({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours})"
        return self._connection.sql(f"SELECT count(*) FROM ({either})").fetchall()[0][0]

    def _copy(self, query: str, table: Table, date: str) -> None:
        target = self._path(table, date)
        target.mkdir(parents=True)
        by_scene = "scene" in table.partitions
        where = (
            f"'{target}' ({_PARQUET}, PARTITION_BY (scene))" if by_scene else f"'{target}/part.parquet' ({_PARQUET})"
        )
        self._connection.execute(f"COPY ({query}) TO {where}")

    def _counts(self, column: str, table: Table, date: str) -> dict[str, int]:
        query = f"SELECT {column}, count(*) FROM {sql.parquet(self._files(table, date))} GROUP BY ALL"
        return dict(self._connection.sql(query).fetchall())

    def _path(self, table: Table, date: str) -> Path:
        return self._folder / table.folder / f"date={date}"

    def _files(self, table: Table, date: str) -> str:
        return f"{self._path(table, date)}/{'*/' * ('scene' in table.partitions)}*.parquet"
