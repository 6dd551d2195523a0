"""Encoders of the sentence-transformers library: any model of the hub or of a local folder."""

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
_PATIENCE = 10.0  # seconds to wait for the hub
_BATCH = 64  # texts at once in memory, padded to the longest of them


class SentenceEncoder:
    """A sentence-transformers model; a plain BERT gets mean pooling. On a GPU where there is one."""

    def __init__(self, name: str, model: "SentenceTransformer") -> None:
        self.name = name
        self.key = _fingerprint(model)
        self._model = model

    @staticmethod
    def open(name: str) -> "SentenceEncoder":
        """From a local folder, the local model cache or the hub, in this order. Raises TrainingError."""
        return SentenceEncoder(name, _load(name))

    @property
    def size(self) -> int:
        """Dimensions of an embedding, D."""
        return self._model.get_embedding_dimension() or 0

    def encode(self, texts: pa.Array) -> np.ndarray:
        """[n, D] float32."""
        embeddings = self._model.encode(texts.to_pylist(), batch_size=_BATCH, show_progress_bar=False)
        return np.asarray(embeddings, dtype=np.float32)


def is_kept_locally(name: str) -> bool:
    """Whether the hub's model is in the local model cache."""
    return isinstance(try_to_load_from_cache(_HUB_NAMES.get(name, name), "config.json"), str)


def _load(name: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # seconds: runs without text should not wait for it

    _hush()
    if Path(name).is_dir():
        try:
            return SentenceTransformer(name, local_files_only=True)
        except Exception as error:  # whatever its readers meet in the folder
            raise TrainingError(f"{name} holds no model that sentence-transformers can load: {error}") from error
    hub_name = _HUB_NAMES.get(name, name)
    kept = is_kept_locally(name)
    try:
        if not kept:
            HfApi().model_info(hub_name, timeout=_PATIENCE)  # asked once: the library would try for a minute
        return SentenceTransformer(hub_name, local_files_only=kept)
    except Exception as error:  # whatever stands between here and the hub
        raise TrainingError(
            f"the text encoder {name} is neither a local folder nor whole in the local model cache, and the hub does "
            f"not give {hub_name} ({type(error).__name__}): give the folder of a downloaded model as --text-encoder, "
            "or take --text-encoder lsa, which needs no download"
        ) from error


def _hush() -> None:
    """No bars of its own, and no remarks on a plain BERT, whose pooling and unused head are as they should be."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def _fingerprint(model: "SentenceTransformer") -> str:
    """A hash of layers, pooling, tokeniser and weights: the same model has it wherever its files lie."""
    digest = hashlib.sha256(repr(model).encode())
    digest.update(model.tokenizer.backend_tokenizer.to_str().encode())
    for name, weight in model.state_dict().items():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()[:16]
