"""Read the texts of a run's dates for a content model, embed them and whiten the embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.row_texts import RowTexts, read_texts
from training.text.embedding import Encoder, embed
from training.text.encoders import cache_of, fitted_lsa
from training.text.lsa import NAME as LSA
from training.text.sentence_encoder import SentenceEncoder
from training.text.text_space import TextSpace, whitened_table
from training.text.whitening import dimensions_for, fit_whitening
from training.window import Window
from warehouse.catalog import Catalog
from warehouse.tables import TRAIN, Table


@dataclass(frozen=True)
class TextSettings:
    """encoder: its name. mode: how a row's texts are composed, a key of text_columns.MODES.

    whitened_size: the most dimensions of a whitened embedding; None if the number of texts decides.
    """

    encoder: str
    mode: str
    whitened_size: int | None = None


@dataclass(frozen=True)
class WhitenedTexts:
    """The distinct texts of rows, and a table [1 + texts, K] float32 of their whitened embeddings by text index."""

    space: TextSpace
    texts: RowTexts
    table: Tensor


@dataclass(frozen=True)
class WindowTexts:
    """The distinct texts of a run's dates and their embeddings [n, D]. The first `train_count` are training texts."""

    encoder: Encoder
    texts: RowTexts
    train_count: int
    embeddings: np.ndarray


def embed_window(catalog: Catalog, window: Window, settings: TextSettings, seed: int, artifacts: Path) -> WindowTexts:
    """Embed all distinct texts of the training and validation dates, or take them from the cache.

    Raises TrainingError if the tables cannot be read or the encoder cannot be opened.
    """
    # Opened before the texts are read, so that an error comes early.
    opened = None if settings.encoder == LSA else SentenceEncoder.open(settings.encoder)
    train, folder = read_texts(catalog, window.train, settings.mode), _embeddings_folder(artifacts)
    encoder = opened or fitted_lsa(train.texts, seed, folder)
    texts = train.followed_by(read_texts(catalog, window.val, settings.mode))
    return WindowTexts(encoder, texts, len(train.texts), embed(texts.texts, encoder, cache_of(encoder, folder)))


def whiten_window(window: WindowTexts, size: int | None) -> WhitenedTexts:
    """Fit the whitening on the training texts, and apply it to all texts. size: that of TextSettings."""
    dimensions = dimensions_for(window.train_count) if size is None else size
    whitening = fit_whitening(window.embeddings[: window.train_count], dimensions)
    table = torch.from_numpy(whitened_table(whitening, window.embeddings))
    return WhitenedTexts(TextSpace(window.texts.mode, window.encoder, whitening), window.texts, table)


def whiten_dates(
    catalog: Catalog, dates: Sequence[str], space: TextSpace, artifacts: Path, source: Table = TRAIN
) -> WhitenedTexts:
    """Embed and whiten the texts of the dates with the encoder of a run. Uses the cache in `artifacts` if it exists."""
    texts, folder = read_texts(catalog, dates, space.mode, source), _embeddings_folder(artifacts)
    cache = cache_of(space.encoder, folder) if folder.is_dir() else None
    embeddings = embed(texts.texts, space.encoder, cache)
    return WhitenedTexts(space, texts, torch.from_numpy(whitened_table(space.whitening, embeddings)))


def _embeddings_folder(artifacts: Path) -> Path:
    return artifacts / ".embeddings"
