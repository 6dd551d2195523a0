"""Count the character n-grams of texts, as scikit-learn's analyzer char_wb with two and three characters does."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
import pyarrow as pa

_BITS = 21  # of a Unicode character: three of them fit into 63 bits
_BLANK = ord(" ")


def without_punctuation(texts: pa.Array) -> list[str]:
    """Return the texts with a blank for each character that is neither a letter nor a number."""
    listed = texts.to_pylist()
    distinct, place = np.unique(_characters("".join(listed)), return_inverse=True)
    in_words = np.array([c if _in_word(c) else _BLANK for c in distinct.tolist()], dtype=np.uint32)
    joined = in_words[place].tobytes().decode("utf-32-le")
    return [joined[start:end] for start, end in pairwise(accumulate(map(len, listed), initial=0))]


def ngram_keys(ngrams: Sequence[str]) -> np.ndarray:
    """Return a number for each n-gram of two or three characters, int64 [F]. Numbers are in the order of n-grams."""
    characters = _characters("".join(ngram.ljust(3, "\0") for ngram in ngrams)).reshape(-1, 3)
    return _key(*characters.T)


def count_ngrams(texts: pa.Array, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the n-grams within the words of texts, in lower case. The blanks beside a word count as characters of it.

    keys: those of the n-grams to count, ascending, at least one. Returns the text, the n-gram (both as positions) and
    its count, in the order of texts and n-grams.
    """
    padded = [f" {text.lower()} " for text in without_punctuation(texts)]
    characters = _characters("".join(padded))
    text = np.repeat(np.arange(len(padded)), list(map(len, padded)))
    # Blanks in a row count as one, or they would make n-grams of their own.
    kept = (characters != _BLANK) | (np.append(characters[1:], 0) != _BLANK) | (np.append(text[1:], -1) != text)
    characters, text = np.append(characters[kept], _BLANK), np.append(text[kept], -1)  # the end is a text of its own
    first, second, third = characters[:-2], characters[1:-1], characters[2:]
    of_two = text[:-2] == text[1:-1]
    of_three = (text[:-2] == text[2:]) & (second != _BLANK)
    found = np.concatenate([_key(first, second, 0)[of_two], _key(first, second, third)[of_three]])
    of_text = np.concatenate([text[:-2][of_two], text[:-2][of_three]])
    position = np.minimum(np.searchsorted(keys, found), len(keys) - 1)
    known = keys[position] == found
    pairs, count = np.unique(of_text[known] * len(keys) + position[known], return_counts=True)
    return *np.divmod(pairs, len(keys)), count


@lru_cache(maxsize=2**16)
def _in_word(character: int) -> bool:
    return unicodedata.category(chr(character))[0] in "LN"


def _characters(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)


def _key(first: np.ndarray, second: np.ndarray, third: np.ndarray | int) -> np.ndarray:
    return first << 2 * _BITS | second << _BITS | third
