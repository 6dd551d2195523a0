"""The texts of some dates for a content model: which row has which, and the whitened embedding of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from training.data.row_texts import RowTexts, read_texts
from training.text.embedding import Encoder, embed
from training.text.encoders import cache_of, open_encoder
from training.text.space import TextSpace, whitened_table
from training.text.whitening import fit_whitening
from training.window import Window
from warehouse.catalog import Catalog


@dataclass(frozen=True)
class TextSettings:
    """The encoder's name, and how texts are made of a row: a key of composition.MODES."""

    encoder: str
    mode: str


@dataclass(frozen=True)
class WhitenedTexts:
    """Texts of rows as a fitted space sees them. table: [1 + texts, K] float32, by the indexes that `texts` gives."""

    space: TextSpace
    texts: RowTexts
    table: Tensor


@dataclass(frozen=True)
class WindowTexts:
    """A window's distinct texts with their embeddings [n, D], the `train_count` of the training dates first."""

    encoder: Encoder
    texts: RowTexts
    train_count: int
    embeddings: np.ndarray


def embed_window(catalog: Catalog, window: Window, settings: TextSettings, seed: int, artifacts: Path) -> WindowTexts:
    """Embeds all distinct texts of a window, or takes them from the cache. Raises TrainingError."""
    train = read_texts(catalog, window.train, settings.mode)
    encoder = open_encoder(settings.encoder, train.texts, seed, _kept(artifacts))
    texts = train.followed_by(read_texts(catalog, window.val, settings.mode))
    embeddings = embed(texts.texts, encoder, cache_of(encoder, _kept(artifacts)))
    return WindowTexts(encoder, texts, len(train.texts), embeddings)


def whitened(window: WindowTexts) -> WhitenedTexts:
    """The whitening fitted on the training dates' texts, and all texts whitened by it."""
    whitening = fit_whitening(window.embeddings[: window.train_count])
    table = whitened_table(whitening, window.embeddings)
    return WhitenedTexts(TextSpace(window.texts.mode, window.encoder, whitening), window.texts, table)


def content_of(catalog: Catalog, dates: Sequence[str], space: TextSpace, artifacts: Path) -> WhitenedTexts:
    """The texts of other dates as a fitted space sees them; the cache of `artifacts` is used where there is one."""
    texts = read_texts(catalog, dates, space.mode)
    cache = cache_of(space.encoder, _kept(artifacts)) if _kept(artifacts).is_dir() else None
    return WhitenedTexts(space, texts, whitened_table(space.whitening, embed(texts.texts, space.encoder, cache)))


def _kept(artifacts: Path) -> Path:
    return artifacts / ".embeddings"
