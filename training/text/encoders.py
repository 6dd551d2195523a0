"""Encoders by name."""

import os
import shutil
from pathlib import Path

import pyarrow as pa

from training.checksums import changed_files, write_checksums
from training.progress import say
from training.text.cache import EmbeddingCache
from training.text.embedding import Encoder
from training.text.lsa import NAME as LSA
from training.text.lsa import LsaEncoder, fit_key
from training.text.sentence import SentenceEncoder, is_kept_locally

AUTO = "auto"
_PREFERRED = "m3e-base"


def resolve(asked: str) -> str:
    """The encoder's name: `auto` takes m3e-base where it is in the local model cache, else lsa, and says which."""
    if asked != AUTO:
        return asked
    if is_kept_locally(_PREFERRED):
        say(f"text encoder: {_PREFERRED}, found in the local model cache")
        return _PREFERRED
    say(f"text encoder: {LSA}, as {_PREFERRED} is not in the local model cache")
    return LSA


def open_encoder(name: str, texts: pa.Array, seed: int, kept: Path) -> Encoder:
    """The encoder, ready for use; lsa is fitted on the texts, unless it was before and `kept`. Raises TrainingError."""
    return _fitted_lsa(texts, seed, kept) if name == LSA else SentenceEncoder.open(name)


def cache_of(encoder: Encoder, kept: Path) -> EmbeddingCache:
    """Where this encoder's embeddings are kept."""
    return EmbeddingCache(kept / Path(encoder.name).name / encoder.key)


def _fitted_lsa(texts: pa.Array, seed: int, kept: Path) -> LsaEncoder:
    folder = kept / LSA / f"fitted-{fit_key(texts, seed)}"
    if folder.is_dir():
        if not changed_files(folder):
            return LsaEncoder.load(folder)
        say(f"{folder} is damaged: {LSA} is fitted anew")
        shutil.rmtree(folder, ignore_errors=True)
    encoder = LsaEncoder.fit(texts, seed)
    unfinished = folder.with_name(f".{folder.name}-{os.getpid()}")
    encoder.save(unfinished)
    write_checksums(unfinished)
    try:
        unfinished.rename(folder)
    except OSError:  # a task beside this one was faster
        shutil.rmtree(unfinished)
    return encoder
