"""Compose a row's texts from its text columns."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.data.arrow_columns import codes_and_values

# By mode, the texts of a row, and the columns that each text is composed of.
MODES: dict[str, dict[str, tuple[str, ...]]] = {
    "combined": {"row": ("item_title", "item_entity_names", "query_entity_seq")},
    "split": {"item": ("item_title", "item_entity_names"), "query": ("query_entity_seq",)},
    "profile": {
        "item": ("item_title", "item_entity_names"),
        "query": ("query_entity_seq",),
        "user": ("bill_entity_seq", "service_entity_seq"),
    },
}
# An entity's type says how the entity was recognised, not what it is. Left in, it would give one entity several
# spellings, and the character n-grams of INTENT_TARGET would outnumber those of the entity itself.
_TYPE = r"\|[A-Z_]+(,|$)"

_Coded = tuple[np.ndarray, pa.Array]  # codes [n] into distinct values, -1 for no text


def compose(table: pa.Table, columns: Sequence[str]) -> pa.ChunkedArray:
    """Join the texts of the columns with a space, and leave out the types of entities. Rows without text become null.

    The columns and the result are dictionary-encoded, so each distinct combination is joined only once.
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
    # Empty instead of null, as null_handling="skip" drops an element if all its parts are null (pyarrow 25).
    return pc.fill_null(values.take(pa.array(index, mask=index < 0)), "")


def _without_blanks(codes: np.ndarray, values: pa.Array) -> _Coded:
    blank = pc.fill_null(pc.equal(values, ""), True).to_numpy(zero_copy_only=False)
    return np.append(np.where(blank, -1, np.arange(len(values))), -1)[codes], values
