"""The texts of rows, as indexes into a list of distinct texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.arrow_columns import codes_and_values
from training.data.text_columns import MODES, compose
from training.data.training_table import read_in_pieces
from training.data.value_index import UNSEEN, ValueIndex
from training.data.vocabulary import PARTS_AT_ONCE
from warehouse.catalog import Catalog
from warehouse.tables import TRAIN, Table

WITHOUT_TEXT = UNSEEN


@dataclass(frozen=True)
class RowTexts:
    """The distinct texts of some dates, with indexes from 1. mode: a key of MODES.

    A text that is empty or not in the list has the index WITHOUT_TEXT, 0.
    """

    mode: str
    distinct: ValueIndex

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a row's texts are composed of."""
        return tuple(name for columns in MODES[self.mode].values() for name in columns)

    @property
    def per_row(self) -> int:
        """The number of texts per row, T."""
        return len(MODES[self.mode])

    @property
    def texts(self) -> pa.Array:
        """The distinct texts, in the order of their indexes."""
        return self.distinct.values

    def index(self, table: pa.Table) -> np.ndarray:
        """Return the indexes of the texts of every row, int64 [n, T]."""
        composed = [compose(table, columns) for columns in MODES[self.mode].values()]
        return np.stack([self.distinct.index(texts) for texts in composed], axis=1)

    def followed_by(self, later: "RowTexts") -> "RowTexts":
        """Append the texts of `later` that are new. The indexes of the other texts stay the same."""
        new = later.texts.filter(pc.is_null(pc.index_in(later.texts, value_set=self.texts)))
        return RowTexts(self.mode, ValueIndex(pa.concat_arrays([self.texts, new])))


def read_texts(catalog: Catalog, dates: Sequence[str], mode: str, source: Table = TRAIN) -> RowTexts:
    """Read all distinct texts of the dates, sorted. source: the training table or the candidates' table."""
    parts = [pa.array([], pa.string())]
    for table in read_in_pieces(catalog, dates, RowTexts(mode, ValueIndex(parts[0])).columns, source):
        parts += [_distinct(compose(table, columns)) for columns in MODES[mode].values()]
        if len(parts) >= PARTS_AT_ONCE:
            parts = [pa.chunked_array(parts).unique()]
    texts = pa.chunked_array(parts).unique()
    return RowTexts(mode, ValueIndex(texts.take(pc.sort_indices(texts))))


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    codes, values = codes_and_values(column)
    return values.take(pa.array(np.unique(codes[codes >= 0])))
