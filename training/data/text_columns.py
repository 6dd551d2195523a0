"""The texts of a row: which columns they are made of, and how."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.reading import codes_and_values

# By mode the texts of a row, and by text the columns that it joins.
MODES: dict[str, dict[str, tuple[str, ...]]] = {
    "combined": {"row": ("item_title", "item_entity_names", "query_entity_seq")},
    "split": {"item": ("item_title", "item_entity_names"), "query": ("query_entity_seq",)},
}
# A type says how an entity was recognised, not what it is: with it one entity has several spellings, and among its
# character n-grams those of INTENT_TARGET outnumber those of the entity.
_TYPE = r"\|[A-Z_]+(,|$)"

_Coded = tuple[np.ndarray, pa.Array]  # codes [n] into distinct values, -1 for none


def compose(table: pa.Table, columns: Sequence[str]) -> pa.ChunkedArray:
    """The columns' texts without entity types, joined by a blank: dictionary-coded [n], null where a row has none.

    Columns are dictionary-coded; texts are joined once a distinct combination, not once a row.
    """
    codes, values = reduce(_joined, (_without_types(*codes_and_values(table[name])) for name in columns))
    return pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), values)])


def _without_types(codes: np.ndarray, values: pa.Array) -> _Coded:
    plain = pc.replace_substring_regex(values, _TYPE, r"\1")
    return _without_blanks(codes, pc.utf8_trim_whitespace(plain))


def _joined(first: _Coded, second: _Coded) -> _Coded:
    (codes, values), (more_codes, more_values) = first, second
    width = len(more_values) + 1
    pairs, pair_of_row = np.unique((codes.astype(np.int64) + 1) * width + more_codes + 1, return_inverse=True)
    left, right = divmod(pairs, width)
    texts = pc.binary_join_element_wise(_at(values, left - 1), _at(more_values, right - 1), " ")
    return _without_blanks(pair_of_row, pc.utf8_trim_whitespace(texts))


def _at(values: pa.Array, index: np.ndarray) -> pa.Array:
    # Empty, not null: null_handling="skip" drops an element whose parts are all null (pyarrow 25).
    return pc.fill_null(values.take(pa.array(index, mask=index < 0)), "")


def _without_blanks(codes: np.ndarray, values: pa.Array) -> _Coded:
    blank = pc.fill_null(pc.equal(values, ""), True).to_numpy(zero_copy_only=False)
    return np.append(np.where(blank, -1, np.arange(len(values))), -1)[codes], values
