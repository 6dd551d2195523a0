"""Text encoders from sentence-transformers: any model on the Hugging Face hub or in a local folder."""

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from training.errors import TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

_HUB_NAMES = {"m3e-base": "moka-ai/m3e-base"}
_HUB_TIMEOUT = 10.0  # seconds
_BATCH = 64  # texts in memory at once, padded to the longest of them
_ELSEWHERE = "pass the folder of a sentence-transformers model as --text-encoder"
# A text with everything that tokenizers treat differently: case, accents, widths, scripts, digits and spaces.
_PROBE = "Ｈello, Wörld!  今日の天気 繁體字，３ 42-17 don't #ctr_2023 😀\tunbelievable"


class SentenceEncoder:
    """A sentence-transformers model. It runs on a GPU if there is one. A plain BERT model gets mean pooling."""

    def __init__(self, name: str, model: "SentenceTransformer") -> None:
        self.name = name
        self.key = _fingerprint(model)
        self._model = model

    @staticmethod
    def open(name: str) -> "SentenceEncoder":
        """Load the model from a local folder, the local model cache or the hub: the first of them that has it.

        Raises TrainingError if none of them has it.
        """
        name = located(name)
        return SentenceEncoder(name, _load(name))

    def has_key(self, key: str) -> bool:
        """Return whether this encoder has the given key, also in the form that earlier code revisions gave it."""
        return key in (self.key, _former_fingerprint(self._model))

    @property
    def size(self) -> int:
        return self._model.get_embedding_dimension() or 0

    def encode(self, texts: pa.Array) -> np.ndarray:
        embeddings = self._model.encode(texts.to_pylist(), batch_size=_BATCH, show_progress_bar=False)
        return np.asarray(embeddings, dtype=np.float32)


def located(name: str) -> str:
    """Return the absolute path if `name` is a local folder, or else `name` itself, if the hub has such a model.

    Raises TrainingError if there is neither.
    """
    if name and Path(name).is_dir():
        return str(Path(name).resolve())
    hub_name = _HUB_NAMES.get(name, name)
    try:
        validate_repo_id(hub_name)
    except HFValidationError as error:
        raise TrainingError(
            f"there is no folder {name!r} for the text encoder, and no model on the hub has such a name: {_ELSEWHERE}"
        ) from error
    if not is_downloaded(name):
        try:
            HfApi().model_info(hub_name, timeout=_HUB_TIMEOUT)  # one request: the library would retry for a minute
        except Exception as error:  # network and hub fail with many kinds of errors
            raise _not_found(name, error) from error
    return name


def is_downloaded(name: str) -> bool:
    """Return whether a model of the hub is in the local model cache."""
    return isinstance(try_to_load_from_cache(_HUB_NAMES.get(name, name), "config.json"), str)


def _load(name: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # takes seconds, so only runs with texts import it

    _silence_libraries()
    if Path(name).is_dir():
        try:
            return SentenceTransformer(name, local_files_only=True)
        except Exception as error:  # its readers raise many kinds of errors on the content of a folder
            raise TrainingError(f"sentence-transformers cannot load a model from {name}: {error}") from error
    try:
        return SentenceTransformer(_HUB_NAMES.get(name, name), local_files_only=is_downloaded(name))
    except Exception as error:
        raise _not_found(name, error) from error


def _not_found(name: str, error: Exception) -> TrainingError:
    return TrainingError(
        f"the text encoder {name} is neither a local folder nor completely in the local model cache, and "
        f"{_HUB_NAMES.get(name, name)} cannot be downloaded from the hub ({type(error).__name__}): {_ELSEWHERE}"
    )


def _silence_libraries() -> None:
    """Turn off progress bars and harmless warnings about the pooling and the unused head of a plain BERT."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def _fingerprint(model: "SentenceTransformer") -> str:
    """Return a hash of weights, tokenizer and pooling. It does not depend on where the files are.

    It does not depend on names either, such as those of layers, because the next version of a library may change them.
    """
    digests = [_digest(weight) for weight in model.parameters()]
    described = [sorted(digests), _tokenization(model), _pooling(model)]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def _digest(weight: "Tensor") -> str:
    values = weight.detach().cpu().float().contiguous()
    return hashlib.sha256(values.numpy().tobytes() + str(tuple(values.shape)).encode()).hexdigest()


def _tokenization(model: "SentenceTransformer") -> list[Any]:
    tokenizer = model.tokenizer
    return [sorted(tokenizer.get_vocab().items()), tokenizer(_PROBE)["input_ids"], model.max_seq_length]


def _pooling(model: "SentenceTransformer") -> list[Any]:
    """Describe the layers after the first, which pool the vectors of tokens, and the prompt put before each text."""
    layers = []
    for layer in list(model)[1:]:
        activation = type(getattr(layer, "activation_function", None)).__name__
        layers.append([type(layer).__name__, getattr(layer, "pooling_mode", None), activation])
    return [layers, model.prompts.get(model.default_prompt_name or "")]


def _former_fingerprint(model: "SentenceTransformer") -> str | None:
    """Return the key that earlier code revisions gave to this model, or None if they could not use it."""
    digest = hashlib.sha256(repr(model).encode())
    try:
        digest.update(model.tokenizer.backend_tokenizer.to_str().encode())
        for name, weight in model.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().view(-1).numpy().tobytes())
    except (AttributeError, TypeError):  # a tokenizer without a backend, or weights in bfloat16
        return None
    return digest.hexdigest()[:16]
