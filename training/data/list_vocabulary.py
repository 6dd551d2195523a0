"""Vocabularies of columns that have several values in a row, such as genres or tags."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.value_index import UNSEEN
from training.data.vocabulary import Vocabulary
from warehouse.tables import LIST_END

_WIDEST = 32  # values of a row
_MOST_FREQUENT = 32  # of the values of a column


@dataclass(frozen=True)
class ListVocabulary(Vocabulary):
    """The distinct values in the lists of a column, with the number of lists that contain each.

    width: the number of indexes of a row. Of a list with more known values, those count that training saw most.
    """

    width: int

    def most_frequent(self) -> np.ndarray:
        """Return the indexes of the values in the most lists, most frequent first, int64 [up to 32]."""
        return 1 + np.argsort(-self.impressions, kind="stable")[:_MOST_FREQUENT]

    @staticmethod
    def of_lists(lists: Vocabulary) -> "ListVocabulary":
        """Build a vocabulary of single values from a vocabulary of whole lists."""
        values, of = _values(lists.values)
        single = Vocabulary.merged([Vocabulary(values, lists.impressions[of])])
        return ListVocabulary(single.values, single.impressions, min(int(np.bincount(of, minlength=1).max()), _WIDEST))

    def looked_up(self, distinct: pa.Array) -> np.ndarray:
        """Return the indexes of each distinct list, then those of null: [lists + 1, width], filled up with UNSEEN."""
        values, of = _values(distinct)
        coded = values.dictionary_encode()
        index = super().looked_up(coded.dictionary)[coded.indices.to_numpy()]
        index, of = index[index != UNSEEN], of[index != UNSEEN]
        order = np.lexsort((index, -self.impressions_at(index), of))
        index, of = index[order], of[order]
        place = np.arange(len(of)) - np.searchsorted(of, of)
        indexes = np.full((len(distinct) + 1, self.width), UNSEEN, dtype=np.int64)
        kept = place < self.width
        indexes[of[kept], place[kept]] = index[kept]
        return indexes


def list_texts(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return lists as the tables hold them: their distinct values, trimmed and sorted, each followed by LIST_END.

    Null, lists without a value, and blank values count as absent.
    """
    joined = lists.combine_chunks().cast(pa.list_(pa.string()))
    values, of = pc.utf8_trim_whitespace(joined.flatten()), pc.list_parent_indices(joined)
    there = pc.fill_null(pc.not_equal(values, ""), False)
    values, of = values.filter(there), of.filter(there).to_numpy()
    distinct = pc.unique(values).sort()
    width = max(len(distinct), 1)
    row, value = divmod(np.unique(of * width + pc.index_in(values, value_set=distinct).to_numpy()), width)
    bounds = np.searchsorted(row, np.arange(len(joined) + 1))
    ended = pc.binary_join_element_wise(distinct.take(pa.array(value)), "", LIST_END)
    texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), ended), "")
    return pa.chunked_array([pc.if_else(pc.equal(texts, ""), None, texts)])


def has_lists(values: pa.Array) -> bool:
    """Return whether any of the values is a list."""
    return bool(pc.any(pc.match_substring(values, LIST_END)).as_py())


def _values(lists: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the values of all lists, and for each the position of its list [n]."""
    parts = pc.split_pattern(lists, LIST_END)
    values, of = parts.flatten(), pc.list_parent_indices(parts)
    there = pc.not_equal(values, "")  # nothing follows the last LIST_END
    return values.filter(there), of.filter(there).to_numpy()
