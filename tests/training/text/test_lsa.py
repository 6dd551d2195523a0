"""The lsa encoder against TF-IDF written out in dictionaries."""

import math
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from training.text.lsa import LsaEncoder, fit_key


@pytest.fixture(scope="module")
def texts(worded):
    table = pa.concat_tables(worded.world.tables.values())
    distinct = {*table["item_title"].to_pylist(), *table["query_entity_seq"].to_pylist()} - {""}
    return pa.array(sorted(distinct))


def ngrams(text):
    """Two and three characters within blanks and words."""
    for word in re.sub(r"[\W_]+", " ", text.lower()).split():
        padded = f" {word} "
        for n in (2, 3):
            yield from (padded[at : at + n] for at in range(len(padded) - n + 1))


def test_embeddings_equal_tf_idf_written_out(texts, tmp_path):
    encoder = LsaEncoder.fit(texts, seed=1)
    documents = [Counter(ngrams(text)) for text in texts.to_pylist()]
    frequency = Counter(ngram for document in documents for ngram in document)
    idf = {g: math.log((1 + len(documents)) / (1 + n)) + 1 for g, n in frequency.items() if n >= 2}
    column = {ngram: at for at, ngram in enumerate(sorted(idf))}
    weights = np.zeros((len(documents), len(column)))
    for row, document in enumerate(documents):
        for ngram, count in document.items():
            if ngram in column:
                weights[row, column[ngram]] = (1 + math.log(count)) * idf[ngram]
    weights /= np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12)
    encoder.save(tmp_path / "lsa")
    components = np.load(tmp_path / "lsa" / "components.npy")
    found = encoder.encode(texts)
    np.testing.assert_allclose(found, weights @ components, atol=1e-5)
    singular = np.linalg.svd(weights, compute_uv=False)
    assert np.linalg.norm(found, axis=0)[:5] == pytest.approx(singular[:5], rel=1e-3)


def test_a_seed_fixes_the_fit_and_its_key(texts):
    first, again, other = (LsaEncoder.fit(texts, seed) for seed in (3, 3, 4))
    assert first.key == again.key != other.key
    assert np.array_equal(first.encode(texts), again.encode(texts))
    assert fit_key(texts, 3) == fit_key(texts, 3) != fit_key(texts, 4)
    assert fit_key(texts, 3) != fit_key(texts[1:], 3)


def test_an_encoder_outlives_its_folder_without_pickle(texts, tmp_path):
    encoder = LsaEncoder.fit(texts, seed=1)
    encoder.save(tmp_path / "lsa")
    loaded = LsaEncoder.load(tmp_path / "lsa")
    assert loaded.key == encoder.key
    assert np.array_equal(loaded.encode(texts), encoder.encode(texts))
    for file in (tmp_path / "lsa").glob("*.npy"):
        np.load(file, allow_pickle=False)


def test_texts_of_one_topic_lie_closer_than_others():
    texts = [f"{a}{b}指南" for topic in ("猫狗鸟鱼", "车船飞机") for a in topic for b in topic]
    embedded = LsaEncoder.fit(pa.array(texts), seed=0).encode(pa.array(texts))
    embedded -= embedded.mean(axis=0)
    likeness = embedded @ embedded.T
    assert likeness[:16, :16].mean() > 0 > likeness[:16, 16:].mean()


@pytest.mark.parametrize("texts", [[], ["医院"], ["，。！", "——"], ["甲乙", "丙丁"], ["同样"] * 3, ["a"]])
def test_texts_that_teach_nothing_have_finite_embeddings(texts):
    encoder = LsaEncoder.fit(pa.array(texts, pa.string()), seed=0)
    for some in (texts, ["别的文字", ""]):
        embedded = encoder.encode(pa.array(some, pa.string()))
        assert embedded.shape == (len(some), encoder.size)
        assert embedded.dtype == np.float32
        assert np.isfinite(embedded).all()


def test_a_sample_is_fitted_where_there_are_too_many_texts(texts, monkeypatch):
    monkeypatch.setattr("training.text.lsa._MOST_TEXTS", 20)
    encoder = LsaEncoder.fit(texts, seed=0)
    assert encoder.size <= 20
    assert encoder.encode(texts).shape == (len(texts), encoder.size)
