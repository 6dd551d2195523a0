"""The embed command: embed the texts of a window of dates, and cache them for training on the same window."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from training.text.encoders import resolve_encoder
from training.text.window_texts import TextSettings, embed_window
from training.window import available_window, require_published, require_unchanged
from warehouse.catalog import Catalog


def embed(arguments: Namespace, catalog: Catalog) -> dict[str, Any]:
    """Embed the texts. Returns the encoder, its key in the cache, and the number of distinct texts."""
    window = available_window(catalog, arguments.as_of, arguments.train_days, arguments.val_days)
    inputs = require_published(catalog, window.dates, arguments.allow_stale)
    settings = TextSettings(resolve_encoder(arguments.text_encoder), arguments.text_mode)
    texts = embed_window(catalog, window, settings, arguments.seed, Path(arguments.artifacts))
    require_unchanged(catalog, inputs)
    return {
        "text_encoder": texts.encoder.name,
        "key": texts.encoder.key,
        "text_mode": settings.mode,
        "dimensions": texts.encoder.size,
        "train_texts": texts.train_count,
        "new_texts": len(texts.embeddings) - texts.train_count,
    }
