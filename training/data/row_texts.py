"""Which text each row has: indexes into the distinct texts of a window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.reading import read_in_pieces
from training.data.text_columns import MODES, compose
from training.data.vocabulary import PARTS_AT_ONCE, Vocabulary
from warehouse.catalog import Catalog

WITHOUT_TEXT = 0


@dataclass(frozen=True)
class RowTexts:
    """The distinct texts of some dates; a text has its position from 1, a row without one has WITHOUT_TEXT."""

    mode: str
    vocabulary: Vocabulary

    @property
    def columns(self) -> tuple[str, ...]:
        """What must be read of a row."""
        return tuple(name for columns in MODES[self.mode].values() for name in columns)

    @property
    def per_row(self) -> int:
        """Texts a row, T."""
        return len(MODES[self.mode])

    @property
    def texts(self) -> pa.Array:
        """The distinct texts in the order of their indexes."""
        return self.vocabulary.values

    def index(self, table: pa.Table) -> np.ndarray:
        """The texts of every row, int64 [n, T]."""
        composed = [compose(table, columns) for columns in MODES[self.mode].values()]
        return np.stack([self.vocabulary.index(texts) for texts in composed], axis=1)

    def followed_by(self, later: "RowTexts") -> "RowTexts":
        """The same texts at the same indexes, and after them those of `later` that are not among them."""
        own, other = self.vocabulary, later.vocabulary
        new = pc.is_null(pc.index_in(other.values, value_set=own.values))
        values = pa.concat_arrays([own.values, other.values.filter(new)])
        impressions = np.concatenate([own.impressions, other.impressions[new.to_numpy(zero_copy_only=False)]])
        return RowTexts(self.mode, Vocabulary(values, impressions))


def read_texts(catalog: Catalog, dates: Sequence[str], mode: str) -> RowTexts:
    """The distinct texts of the dates' rows, sorted, read a row group at a time."""
    parts = [Vocabulary(pa.array([], pa.string()), np.array([], np.int64))]
    columns = RowTexts(mode, parts[0]).columns
    for table in read_in_pieces(catalog, dates, columns):
        parts += [Vocabulary.of(compose(table, joined)) for joined in MODES[mode].values()]
        if len(parts) >= PARTS_AT_ONCE:
            parts = [Vocabulary.merged(parts)]
    return RowTexts(mode, Vocabulary.merged(parts))
