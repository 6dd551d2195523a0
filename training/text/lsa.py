"""The text encoder lsa: latent semantic analysis of character n-grams, fitted on the training texts."""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from training.text.ngrams import count_ngrams, ngram_keys, without_punctuation

NAME = "lsa"
_DIMENSIONS = 128
_NGRAMS = (2, 3)  # most Chinese words have two characters; with a word edge as a third, the word itself is an n-gram
_MOST_NGRAMS = 100_000
_MOST_TEXTS = 200_000  # to fit on: more would add nothing but memory
_PASSES = 4  # power iterations of the randomised SVD
_WORDS = "letters and numbers"  # n-grams must not span two entities
_AT_ONCE = 2**16  # n-grams: their components take 32 MB
_VOCABULARY, _IDF, _COMPONENTS = "ngrams.json", "idf.npy", "components.npy"


class LsaEncoder:
    """Encodes texts as TF-IDF of character n-grams (Salton and Buckley, 1988), reduced to D dimensions by an SVD.

    This is latent semantic analysis (Deerwester et al., 1990). ngrams: the F n-grams in column order. idf: [F].
    components: [F, D] float32.
    """

    name = NAME

    def __init__(self, ngrams: Sequence[str], idf: np.ndarray, components: np.ndarray) -> None:
        self._ngrams, self._idf, self._components = list(ngrams), idf, components
        self._keys = ngram_keys(self._ngrams)

    @staticmethod
    def fit(texts: pa.Array, seed: int) -> "LsaEncoder":
        """Fit an encoder on distinct texts. If no two of them share an n-gram, all embeddings are 0."""
        from sklearn.feature_extraction.text import TfidfVectorizer  # only here: encoding needs neither it nor scipy
        from sklearn.utils.extmath import randomized_svd

        if len(texts) > _MOST_TEXTS:
            chosen = np.random.default_rng(seed).choice(len(texts), _MOST_TEXTS, replace=False)
            texts = texts.take(pa.array(np.sort(chosen)))
        tfidf = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=_NGRAMS,
            lowercase=True,
            sublinear_tf=True,
            min_df=2,
            max_features=_MOST_NGRAMS,
            dtype=np.float32,
        )
        try:
            weights = tfidf.fit_transform(without_punctuation(texts))
        except ValueError:  # scikit-learn raises it for an empty vocabulary
            return LsaEncoder([], np.zeros(0, np.float32), np.zeros((0, 1), np.float32))
        dimensions = min(_DIMENSIONS, *weights.shape)
        _, _, components = randomized_svd(weights, dimensions, n_iter=_PASSES, random_state=seed)
        components = np.ascontiguousarray(components.T, dtype=np.float32)
        return LsaEncoder(tfidf.get_feature_names_out().tolist(), tfidf.idf_.astype(np.float32), components)

    @property
    def size(self) -> int:
        return self._components.shape[1]

    @property
    def key(self) -> str:
        digest = hashlib.sha256(json.dumps(self._ngrams).encode())
        for array in (self._idf, self._components):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]

    def encode(self, texts: pa.Array) -> np.ndarray:
        embeddings = np.zeros((len(texts), self.size), np.float32)
        if not (self._ngrams and len(texts)):
            return embeddings
        text, ngram, count = count_ngrams(texts, self._keys)
        weight = (1 + np.log(count)).astype(np.float32) * self._idf[ngram]
        starts = np.flatnonzero(np.diff(text, prepend=-1))  # of each text that has known n-grams
        bounds = np.append(np.searchsorted(starts, np.arange(0, len(text), _AT_ONCE)), len(starts))
        for first, last in pairwise(np.unique(bounds)):
            part = slice(starts[first], starts[last] if last < len(starts) else None)
            within = starts[first:last] - starts[first]
            length = np.sqrt(np.add.reduceat(weight[part] ** 2, within))
            weighted = weight[part, None] * self._components[ngram[part]]
            embeddings[text[starts[first:last]]] = np.add.reduceat(weighted, within) / length[:, None]
        return embeddings

    def save(self, folder: Path) -> None:
        """Write the encoder to a folder, as JSON and npy files."""
        folder.mkdir(parents=True)
        (folder / _VOCABULARY).write_text(json.dumps(self._ngrams, ensure_ascii=False), encoding="utf-8")
        np.save(folder / _IDF, self._idf)
        np.save(folder / _COMPONENTS, self._components)

    @staticmethod
    def load(folder: Path) -> "LsaEncoder":
        ngrams = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))
        idf, components = (np.load(folder / name, allow_pickle=False) for name in (_IDF, _COMPONENTS))
        return LsaEncoder(ngrams, idf, components)


def fit_key(texts: pa.Array, seed: int) -> str:
    """Return a hash of everything that affects a fit: the texts in their order, the seed and the settings."""
    settings = [_DIMENSIONS, _NGRAMS, _MOST_NGRAMS, _MOST_TEXTS, _PASSES, _WORDS, seed]
    digest = hashlib.sha256(json.dumps(settings).encode())
    for text in texts:
        digest.update(text.as_buffer())
        digest.update(b"\0")
    return digest.hexdigest()[:16]
