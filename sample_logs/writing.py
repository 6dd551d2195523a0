"""Write the logs and the true click probabilities to the warehouse. Files are written completely or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from sample_logs.columns import TRUTH_SCHEMA, raw_batch, truth_batch
from sample_logs.logs import SampleLogs
from sample_logs.settings import Settings
from warehouse.catalog import Catalog
from warehouse.tables import CANDIDATES, RAW, TRUTH, Table

STAMP_FILE = "_sample_logs.json"
RAW_FILE, TRUTH_FILE = "part-0.csv", "part-0.parquet"
_VERSION = 1  # to be raised whenever the same settings give other logs
_UNFINISHED = "."  # the prefix of a file's name, which makes readers skip it


class Writer:
    """Writes a set of sample logs to a warehouse, date by date."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog, self._storage, self._settings = catalog, catalog.storage, settings
        self._sample_logs: SampleLogs | None = None

    def write(self, day: int) -> int:
        """Write the logs and true probabilities of a day (from 0). Returns the number of rows, or 0 if they exist.

        Raises FileExistsError if the date has raw logs from elsewhere, which may be the user's own.
        """
        day_date = self._settings.dates[day]
        stamp = self._read_stamp(day_date)
        if stamp is None and self._catalog.files(RAW, day_date):
            raise FileExistsError(
                f"{self._catalog.uri(RAW, day_date)} has logs that are not these sample logs; choose another --dataset"
            )
        if stamp == self._stamp(complete=True) and self._exists(day_date):
            return 0
        self._write_stamp(day_date, complete=False)  # invalid until both files are in place
        rows = self._write_files(day, day_date)
        self._write_stamp(day_date, complete=True)
        return rows

    def write_candidates(self, day: int) -> None:
        """Write the impressions of a day (from 0) as candidates, without labels, unless the date has some already."""
        day_date = self._settings.dates[day]
        if not self._catalog.files(CANDIDATES, day_date):
            with self._replacing(CANDIDATES, day_date, RAW_FILE) as file:
                for number, block in enumerate(self._logs.blocks(day)):
                    impressions = raw_batch(self._logs, block, day_date)
                    _append_csv(file, impressions.drop_columns("label"), with_header=number == 0)

    def other_dates(self) -> list[str]:
        """Return the dates of the raw table that these settings do not write."""
        return sorted(set(self._catalog.dates(RAW)) - set(self._settings.dates))

    @property
    def _logs(self) -> SampleLogs:
        if self._sample_logs is None:  # only when needed: a rerun that changes nothing takes no time
            self._sample_logs = SampleLogs(self._settings)
        return self._sample_logs

    def _write_files(self, day: int, day_date: str) -> int:
        rows = 0
        with (
            self._replacing(TRUTH, day_date, TRUTH_FILE) as truth_file,
            self._replacing(RAW, day_date, RAW_FILE) as raw_file,
            pq.ParquetWriter(truth_file, TRUTH_SCHEMA, compression="zstd") as truth_writer,
        ):
            for block in self._logs.blocks(day):
                _append_csv(raw_file, raw_batch(self._logs, block, day_date), with_header=rows == 0)
                truth_writer.write_batch(truth_batch(self._logs, block, day_date))
                rows += len(block.label)
        return rows

    def _stamp(self, complete: bool) -> dict[str, Any]:
        settings = asdict(self._settings)
        if self._settings.tastes_change is None:  # the stamps of older logs do not have it
            del settings["tastes_change"]
        return {"version": _VERSION, "complete": complete, "settings": settings}

    def _read_stamp(self, day_date: str) -> dict[str, Any] | None:
        try:
            return json.loads(self._storage.read_text(self._stamp_path(day_date)))
        except FileNotFoundError:  # with an unfinished stamp, we were cut off after removing the older one
            return {} if self._storage.exists(self._stamp_path(day_date, unfinished=True)) else None
        except ValueError:  # ours, cut off while it was written
            return {}

    def _write_stamp(self, day_date: str, complete: bool) -> None:
        text = json.dumps(self._stamp(complete), indent=2)
        with self._replacing(RAW, day_date, STAMP_FILE) as file:
            file.write(text.encode())

    def _stamp_path(self, day_date: str, unfinished: bool = False) -> str:
        return f"{self._catalog.path(RAW, day_date)}/{_UNFINISHED if unfinished else ''}{STAMP_FILE}"

    def _exists(self, day_date: str) -> bool:
        return all(
            self._storage.exists(f"{self._catalog.path(table, day_date)}/{name}")
            for table, name in ((RAW, RAW_FILE), (TRUTH, TRUTH_FILE))
        )

    @contextmanager
    def _replacing(self, table: Table, day_date: str, name: str) -> Iterator[IO[bytes]]:
        """Yield a temporary file. At the end of the `with` block it replaces the file of the given name."""
        folder = self._catalog.path(table, day_date)
        unfinished, final = f"{folder}/{_UNFINISHED}{name}", f"{folder}/{name}"
        self._storage.make_folder(folder)
        with self._storage.filesystem.open(unfinished, "wb") as file:
            yield file
        self._storage.remove(final)  # not every file system can rename onto a file
        self._storage.filesystem.mv(unfinished, final)


def _append_csv(file: IO[bytes], batch: pa.RecordBatch, with_header: bool) -> None:
    csv.write_csv(batch, file, csv.WriteOptions(include_header=with_header, quoting_header="none"))
