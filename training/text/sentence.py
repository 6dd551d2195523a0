"""Sentence-transformers encoders: any model of the Hugging Face hub or of a local folder."""

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from huggingface_hub import HfApi, try_to_load_from_cache

from training.errors import TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_HUB_NAMES = {"m3e-base": "moka-ai/m3e-base"}
_HUB_TIMEOUT = 10.0  # seconds
_BATCH = 64  # texts in memory at once, padded to the longest of them


class SentenceEncoder:
    """A sentence-transformers model, on a GPU if there is one. A plain BERT model gets mean pooling."""

    def __init__(self, name: str, model: "SentenceTransformer") -> None:
        self.name = name
        self.key = _fingerprint(model)
        self._model = model

    @staticmethod
    def open(name: str) -> "SentenceEncoder":
        """Open a local folder, a model of the local model cache, or one of the hub, in this order.

        Raises TrainingError if none of them holds the model.
        """
        return SentenceEncoder(name, _load(name))

    @property
    def size(self) -> int:
        return self._model.get_embedding_dimension() or 0

    def encode(self, texts: pa.Array) -> np.ndarray:
        embeddings = self._model.encode(texts.to_pylist(), batch_size=_BATCH, show_progress_bar=False)
        return np.asarray(embeddings, dtype=np.float32)


def is_downloaded(name: str) -> bool:
    """Return whether a model of the hub is in the local model cache."""
    return isinstance(try_to_load_from_cache(_HUB_NAMES.get(name, name), "config.json"), str)


def _load(name: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # takes seconds, which runs without text need not wait

    _silence_libraries()
    if Path(name).is_dir():
        try:
            return SentenceTransformer(name, local_files_only=True)
        except Exception as error:  # its readers raise many kinds of errors on the content of a folder
            raise TrainingError(f"sentence-transformers cannot load a model from {name}: {error}") from error
    hub_name = _HUB_NAMES.get(name, name)
    downloaded = is_downloaded(name)
    try:
        if not downloaded:
            HfApi().model_info(hub_name, timeout=_HUB_TIMEOUT)  # one request: the library would retry for a minute
        return SentenceTransformer(hub_name, local_files_only=downloaded)
    except Exception as error:  # network and hub fail with many kinds of errors
        raise TrainingError(
            f"the text encoder {name} is neither a local folder nor complete in the local model cache, and {hub_name} "
            f"cannot be fetched from the hub ({type(error).__name__}): pass the folder of a downloaded model as "
            "--text-encoder, or use --text-encoder lsa, which needs no download"
        ) from error


def _silence_libraries() -> None:
    """Silence progress bars, and warnings about a plain BERT's pooling and unused head, which are as they should be."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def _fingerprint(model: "SentenceTransformer") -> str:
    """Hash layers, pooling, tokeniser and weights, so that a model has the same key wherever its files are."""
    digest = hashlib.sha256(repr(model).encode())
    digest.update(model.tokenizer.backend_tokenizer.to_str().encode())
    for name, weight in model.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()[:16]
