"""Whitened embeddings of texts that are remembered, against those of each text alone."""

import numpy as np
import pyarrow as pa
import pytest

from training.scoring import remembered_texts
from training.scoring.remembered_texts import RememberedTexts
from training.text.text_space import TextSpace
from training.text.whitening import Whitening


class Lengths:
    """An encoder that gives a text its length and its first character. encoded: all texts that it was given."""

    name, key, size = "lengths", "", 2

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: pa.Array) -> np.ndarray:
        listed = texts.to_pylist()
        self.encoded += listed
        return np.array([[len(text), ord(text[0])] for text in listed], np.float32).reshape(-1, 2)


def test_short_texts_are_embedded_once_and_long_ones_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered_texts, "_MOST", 3)
    encoder, long = Lengths(), "长" * 1001
    texts = RememberedTexts(TextSpace("combined", encoder, Whitening(np.zeros(2), np.eye(2))))
    asked = ["b", long, "aa", long + "!", "长" * 1000]
    for _ in range(2):
        expected = [[0, 0], *([len(text), ord(text[0])] for text in asked)]
        np.testing.assert_array_equal(texts.table(pa.array(asked)), expected)
    assert sorted(encoder.encoded) == sorted([*asked, long, long + "!"])
    assert texts.table(pa.array(["x", "y", "b"])).tolist() == [[0, 0], [1, ord("x")], [1, ord("y")], [1, ord("b")]]
    assert texts.table(pa.array([], pa.string())).tolist() == [[0, 0]]
