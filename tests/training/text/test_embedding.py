"""Each text is embedded once, even if a run is interrupted or a file is damaged."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.text.cache import EmbeddingCache
from training.text.embedding import embed


class Counting:
    """An encoder that records the texts it encodes, and may be interrupted."""

    name, size = "counting", 5

    def __init__(self, breaks_at=None):
        self.batches, self.breaks_at = [], breaks_at

    def encode(self, texts):
        if len(self.batches) == self.breaks_at:
            raise KeyboardInterrupt
        self.batches.append(texts.to_pylist())
        return np.stack([vector(text) for text in texts.to_pylist()])

    @property
    def texts_encoded(self):
        return [text for batch in self.batches for text in batch]


def vector(text):
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=Counting.size).astype(np.float32)


def some_texts(n, seed=0):
    lengths = np.random.default_rng(seed).integers(1, 30, n)
    return pa.array([f"{number}" + "字" * length for number, length in enumerate(lengths)], pa.string())


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("training.text.embedding._BATCH", 10)


def expected(texts):
    return np.stack([vector(text) for text in texts.to_pylist()])


def test_embeddings_come_in_the_order_of_the_texts(tmp_path):
    texts = some_texts(57)
    for cache in (None, EmbeddingCache(tmp_path)):
        assert np.array_equal(embed(texts, Counting(), cache), expected(texts))


def test_batches_hold_texts_of_like_length_the_longest_first():
    encoder = Counting()
    embed(some_texts(57), encoder)
    lengths = [len(text) for text in encoder.texts_encoded]
    assert lengths == sorted(lengths, reverse=True)
    assert [len(batch) for batch in encoder.batches] == [10] * 5 + [7]


def test_a_rerun_embeds_only_what_is_new(tmp_path, capsys):
    cache, texts = EmbeddingCache(tmp_path), some_texts(57)
    embed(texts[:40], Counting(), cache)
    encoder = Counting()
    assert np.array_equal(embed(texts, encoder, cache), expected(texts))
    assert sorted(encoder.texts_encoded) == sorted(texts[40:].to_pylist())
    assert "17 texts embedded" in capsys.readouterr().out
    again = Counting()
    assert np.array_equal(embed(texts, again, cache), expected(texts))
    assert not again.batches


def test_a_killed_run_loses_one_batch(tmp_path):
    cache, texts = EmbeddingCache(tmp_path), some_texts(57)
    killed, resumed = Counting(breaks_at=3), Counting()
    with pytest.raises(KeyboardInterrupt):
        embed(texts, killed, cache)
    assert np.array_equal(embed(texts, resumed, cache), expected(texts))
    assert len(killed.texts_encoded) == 30
    assert sorted(killed.texts_encoded + resumed.texts_encoded) == sorted(texts.to_pylist())


def spoil(file: Path, damage: str) -> None:
    content = bytearray(file.read_bytes())
    if damage == "a byte":
        content[len(content) // 3] ^= 1
    elif damage == "cut":
        content = content[:-20]
    elif damage == "no Parquet":
        content = b"no more"
    file.write_bytes(content)
    if damage == "other columns":
        pq.write_table(pa.table({"key": pa.array([b"k"])}), file)
    if damage == "other vectors":
        keys = pq.read_table(file, columns=["key"])["key"].combine_chunks()
        EmbeddingCache(file.parent).add(keys, np.zeros((len(keys), 3), np.float32))


@pytest.mark.parametrize("damage", ["a byte", "cut", "no Parquet", "other columns", "other vectors"])
def test_the_texts_of_a_damaged_file_are_embedded_anew(tmp_path, damage, capsys):
    cache, texts = EmbeddingCache(tmp_path), some_texts(57)
    embed(texts, Counting(), cache)
    file = sorted(tmp_path.glob("*.parquet"))[2]
    spoil(file, damage)
    encoder, again = Counting(), Counting()
    assert np.array_equal(embed(texts, encoder, cache), expected(texts))
    assert 7 <= len(encoder.texts_encoded) <= 10
    assert f"{file} is damaged" in capsys.readouterr().out
    assert np.array_equal(embed(texts, again, cache), expected(texts))
    assert not again.batches


def test_a_file_that_was_being_written_is_not_read(tmp_path):
    (tmp_path / ".0123-99").write_bytes(b"half a file")
    assert np.array_equal(embed(some_texts(5), Counting(), EmbeddingCache(tmp_path)), expected(some_texts(5)))


@pytest.mark.parametrize("n", [0, 1])
def test_few_texts(tmp_path, n):
    assert embed(some_texts(n), Counting(), EmbeddingCache(tmp_path)).shape == (n, Counting.size)
