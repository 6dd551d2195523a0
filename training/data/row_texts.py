"""The texts of rows, as indexes into a list of distinct texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.arrow_columns import distinct_values
from training.data.text_columns import MODES, compose
from training.data.training_table import read_dates, read_in_pieces
from training.data.value_index import UNSEEN, ValueIndex
from training.data.vocabulary import PARTS_AT_ONCE
from warehouse.catalog import Catalog
from warehouse.tables import TRAIN, Table

WITHOUT_TEXT = UNSEEN
ITEM_TEXT = 0  # the place of the item's text among the texts of a row, if it has one of its own


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
    def of_items(self) -> bool:
        """Whether the items have texts of their own."""
        return "item" in MODES[self.mode]

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
        parts += [distinct_values(compose(table, columns)) for columns in MODES[mode].values()]
        if len(parts) >= PARTS_AT_ONCE:
            parts = [pa.chunked_array(parts).unique()]
    texts = pa.chunked_array(parts).unique()
    return RowTexts(mode, ValueIndex(texts.take(pc.sort_indices(texts))))


def latest_item_texts(catalog: Catalog, dates: Sequence[str], texts: RowTexts, items: ValueIndex) -> np.ndarray:
    """Return, by the index of each item, the index of its latest text on the dates, int64 [items.size].

    The text is WITHOUT_TEXT for items without one, and for UNSEEN.
    """
    latest = np.full(items.size, WITHOUT_TEXT)
    for table in read_dates(catalog, dates, texts.columns):  # by time, and of equal places numpy assigns the last
        text = texts.index(table)[:, ITEM_TEXT]
        is_there = text != WITHOUT_TEXT
        latest[items.index(table["item_id"])[is_there]] = text[is_there]
    latest[UNSEEN] = WITHOUT_TEXT
    return latest
