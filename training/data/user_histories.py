"""The last impressions of users before the date of a row, from the table sequences_user."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.orc

from training.data.arrow_columns import schema_of_table
from training.data.feature_space import FeatureSpace
from training.data.impression_sequences import LISTS, ImpressionSequences, days_of
from training.data.value_index import ValueIndex
from training.errors import TrainingError
from training.model_names import reads_history
from warehouse.catalog import Catalog
from warehouse.errors import first_line
from warehouse.tables import SEQUENCES_USER

_REMEMBERED = 2  # dates: those of the row groups that are read side by side
SEQUENCES_SCHEMA = schema_of_table(SEQUENCES_USER)


class UserHistories:
    """Looks up the histories of rows. items: the index of items that the rows have, too."""

    def __init__(self, catalog: Catalog, items: ValueIndex) -> None:
        self._catalog, self._items = catalog, items
        self._before = lru_cache(_REMEMBERED)(self._read)

    def of(self, table: pa.Table, date: str) -> tuple[np.ndarray, np.ndarray]:
        """Return items [n, L] int32 and facts [n, L, FACTS] uint8 for rows of the date's partition, oldest first.

        Empty places follow, and hold zeros. Raises TrainingError if the sequences of the date cannot be read.
        """
        users, sequences = self._before(date)
        return sequences.histories(users.index(table["user_id"]), days_of(table["log_ts"]))

    def _read(self, date: str) -> tuple[ValueIndex, ImpressionSequences]:
        """Return the users with a sequence, and the sequences by the index of the user; that of UNSEEN is empty."""
        pieces = [_without_impressions(), *read_sequences(self._catalog, date)]
        users = pa.chunked_array([chunk for piece in pieces[1:] for chunk in piece["user_id"].chunks], pa.string())
        try:
            sequences = ImpressionSequences.of_lists([[piece[name] for name in LISTS] for piece in pieces], self._items)
        except ValueError as error:
            raise TrainingError(
                f"{self._catalog.uri(SEQUENCES_USER, date)} cannot be used, as {error}: run the stages for {date} again"
            ) from error
        return ValueIndex(users.combine_chunks()), sequences


def histories_for(model: str, catalog: Catalog, space: FeatureSpace) -> UserHistories | None:
    """Return the histories that a model attends to, or None if it attends to none."""
    return UserHistories(catalog, space.vocabularies["item_id"]) if reads_history(model) else None


def read_sequences(catalog: Catalog, date: str) -> Iterator[pa.Table]:
    """Yield the sequences of a date, one stripe of a file at a time. Raises TrainingError if they cannot be read."""
    catalog.require_whole(SEQUENCES_USER, date)
    names = SEQUENCES_SCHEMA.names
    try:
        for entry in catalog.files(SEQUENCES_USER, date):
            with catalog.storage.filesystem.open(entry["name"]) as file:
                orc = pyarrow.orc.ORCFile(file)
                for stripe in range(orc.nstripes):
                    yield pa.Table.from_batches([orc.read_stripe(stripe, names)]).select(names).cast(SEQUENCES_SCHEMA)
    except (pa.ArrowException, OSError) as error:
        raise TrainingError(
            f"{catalog.uri(SEQUENCES_USER, date)} cannot be read ({first_line(error)}): run the stage user_sequences "
            f"for {date} again"
        ) from error


def _without_impressions() -> pa.Table:
    return pa.table([pa.nulls(1, field.type) for field in SEQUENCES_SCHEMA], schema=SEQUENCES_SCHEMA)
