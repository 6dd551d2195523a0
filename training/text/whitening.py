"""Whiten text embeddings: transform them linearly to mean 0 and identity covariance."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WHITENING_FILES = ("whiten_mu.npy", "whiten_W.npy")  # of mu and of W
_FEWEST_DIMENSIONS, MOST_DIMENSIONS = 8, 64
_TEXTS_PER_DIMENSION = 100
_BLOCK = 16_384  # texts at a time: 100 MB at 768 float64 each
_LEAST_VARIANCE = 1e-6  # relative to the largest: anything smaller is rounding to float32
_LEAST_SPREAD = 1e-6  # standard deviation relative to the largest mean: the same, if all texts are alike


@dataclass(frozen=True)
class Whitening:
    """The linear map (E - mu) @ W of embeddings E [n, D]. mu: [D] float64, W: [D, K] float64."""

    mu: np.ndarray
    W: np.ndarray

    @property
    def size(self) -> int:
        """The number of dimensions of a whitened embedding, K."""
        return self.W.shape[1]

    def apply(self, embeddings: np.ndarray, out: np.ndarray) -> None:
        """Whiten embeddings [n, D] float32 into `out`, [n, K] float32."""
        mu, W = self.mu.astype(np.float32), self.W.astype(np.float32)
        for part in _blocks(len(embeddings)):
            np.matmul(embeddings[part] - mu, W, out=out[part])

    def save(self, folder: Path) -> None:
        """Write whiten_mu.npy and whiten_W.npy."""
        for name, array in zip(WHITENING_FILES, (self.mu, self.W), strict=True):
            np.save(folder / name, array)

    @staticmethod
    def load(folder: Path) -> "Whitening":
        return Whitening(*(np.load(folder / name, allow_pickle=False) for name in WHITENING_FILES))


def dimensions_for(texts: int) -> int:
    """Return how many dimensions to keep of the embeddings of so many distinct texts.

    Whitening makes all dimensions equally large. If a dimension has few texts, it says which text it is, rather than
    what the text means.
    """
    return min(MOST_DIMENSIONS, max(_FEWEST_DIMENSIONS, texts // _TEXTS_PER_DIMENSION))


def fit_whitening(embeddings: np.ndarray, dimensions: int) -> Whitening:
    """Fit W = U[:, :K] / sqrt(S[:K]) by an SVD of the covariance. embeddings: those of distinct texts, [n, D].

    K is `dimensions`, or fewer if there are not so many with variance. If there are none, W is a column of zeros.
    Su et al., arXiv 2103.15316, 2021.
    """
    from scipy.linalg.blas import dsyrk  # only here: applying a whitening needs no scipy

    count, size = embeddings.shape
    mu = sum((embeddings[part].sum(axis=0, dtype=np.float64) for part in _blocks(count)), np.zeros(size))
    mu /= max(count, 1)
    lower = np.zeros((size, size), order="F")
    for part in _blocks(count):
        centred = (embeddings[part] - mu).T  # in Fortran order, which dsyrk need not copy
        lower = dsyrk(1.0 / count, centred, beta=1.0, c=lower, lower=1, overwrite_c=1)
    covariance = np.tril(lower) + np.tril(lower, -1).T
    U, S, _ = np.linalg.svd(covariance, hermitian=True)
    least = max(_LEAST_VARIANCE * S[0], (_LEAST_SPREAD * np.abs(mu).max()) ** 2)
    rank = min(int((least < S).sum()), dimensions)
    return Whitening(mu, U[:, :rank] / np.sqrt(S[:rank]) if rank else np.zeros((size, 1)))


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))
