"""Whitening against numpy on the whole matrix."""

import numpy as np
import pytest

from training.text.text_space import whitened_table
from training.text.whitening import MOST_DIMENSIONS, Whitening, dimensions_for, fit_whitening


def embeddings(n, size, rank=None, seed=0):
    """Correlated, off centre, with variances over four orders of magnitude."""
    rng = np.random.default_rng(seed)
    rank = rank or size
    spread = np.logspace(0, -2, rank)
    basis = np.linalg.qr(rng.normal(size=(size, rank)))[0]
    return (rng.normal(size=(n, rank)) * spread @ basis.T + rng.normal(size=size)).astype(np.float32)


def whitened(fitted, E):
    return whitened_table(fitted, E)[1:].astype(float)


def assert_white(EW):
    assert np.abs(EW.mean(axis=0)).max() < 1e-3
    assert np.abs(EW.T @ EW / len(EW) - np.eye(EW.shape[1])).max() < 1e-3


@pytest.mark.parametrize(("n", "size", "wanted", "dimensions"), [(2000, 40, 64, 40), (3000, 200, 128, 128)])
def test_texts_are_white_in_as_many_dimensions_as_wanted(n, size, wanted, dimensions):
    E = embeddings(n, size)
    fitted = fit_whitening(E, wanted)
    assert fitted.size == dimensions
    assert_white(whitened(fitted, E))


def test_mean_and_product_equal_the_formula():
    E = embeddings(800, 150).astype(np.float64)
    U, S, _ = np.linalg.svd(np.cov(E.T, bias=True))
    W = U[:, :64] / np.sqrt(S[:64])
    fitted = fit_whitening(E.astype(np.float32), MOST_DIMENSIONS)
    np.testing.assert_allclose(fitted.mu, E.mean(axis=0), atol=1e-6)
    signs = np.sign((fitted.W * W).sum(axis=0))
    np.testing.assert_allclose((fitted.W * signs)[:, :20], W[:, :20], rtol=1e-3, atol=1e-3)


def test_blocks_give_what_the_whole_gives(monkeypatch):
    E = embeddings(1000, 30)
    whole = fit_whitening(E, MOST_DIMENSIONS)
    monkeypatch.setattr("training.text.whitening._BLOCK", 37)
    pieces = fit_whitening(E, MOST_DIMENSIONS)
    np.testing.assert_allclose(pieces.mu, whole.mu, atol=1e-12)
    np.testing.assert_allclose(np.abs(whitened(pieces, E)), np.abs(whitened(whole, E)), atol=1e-4)


@pytest.mark.parametrize("E", [embeddings(50, 96), embeddings(600, 96, rank=7), np.tile(embeddings(9, 96), (40, 1))])
def test_dimensions_without_variance_are_cut(E):
    fitted = fit_whitening(E, MOST_DIMENSIONS)
    assert fitted.size == np.linalg.matrix_rank((E - E.mean(axis=0)).astype(float), tol=1e-3)
    assert_white(whitened(fitted, E))


@pytest.mark.parametrize("n", [0, 1, 30])
def test_texts_that_are_all_alike_become_the_mean(n):
    E = np.tile(embeddings(1, 24) * 50, (n, 1))
    fitted = fit_whitening(E, MOST_DIMENSIONS)
    assert fitted.size == 1
    assert not whitened(fitted, E).any()


def test_a_row_without_text_has_the_mean_embedding():
    E = embeddings(300, 16)
    table = whitened_table(fit_whitening(E, MOST_DIMENSIONS), E)
    assert not table[0].any()
    np.testing.assert_allclose(table[0], table[1:].mean(axis=0), atol=1e-4)


def test_a_whitening_outlives_its_folder(tmp_path):
    fitted = fit_whitening(embeddings(200, 16), MOST_DIMENSIONS)
    fitted.save(tmp_path)
    loaded = Whitening.load(tmp_path)
    assert np.array_equal(loaded.mu, fitted.mu)
    assert np.array_equal(loaded.W, fitted.W)


@pytest.mark.parametrize(("texts", "dimensions"), [(0, 8), (799, 8), (1_579, 15), (6_400, 64), (1_000_000, 64)])
def test_few_texts_keep_few_dimensions(texts: int, dimensions: int) -> None:
    assert dimensions_for(texts) == dimensions
