"""Opens text encoders by name."""

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
from training.text.sentence import SentenceEncoder, is_downloaded

AUTO = "auto"
_PREFERRED = "m3e-base"


def resolve_encoder(name: str) -> str:
    """Return the name itself, or the encoder that `auto` stands for: m3e-base if it is downloaded, otherwise lsa."""
    if name != AUTO:
        return name
    if is_downloaded(_PREFERRED):
        say(f"text encoder: {_PREFERRED}, found in the local model cache")
        return _PREFERRED
    say(f"text encoder: {LSA}, as {_PREFERRED} is not in the local model cache")
    return LSA


def open_encoder(name: str, texts: pa.Array, seed: int, folder: Path) -> Encoder:
    """Open an encoder. lsa is fitted on the texts, unless `folder` holds that fit already.

    Raises TrainingError if the encoder cannot be loaded.
    """
    return _fitted_lsa(texts, seed, folder) if name == LSA else SentenceEncoder.open(name)


def cache_of(encoder: Encoder, folder: Path) -> EmbeddingCache:
    """Return the cache of an encoder's embeddings in a folder."""
    return EmbeddingCache(folder / Path(encoder.name).name / encoder.key)


def _fitted_lsa(texts: pa.Array, seed: int, parent: Path) -> LsaEncoder:
    folder = parent / LSA / f"fitted-{fit_key(texts, seed)}"
    if folder.is_dir():
        if not changed_files(folder):
            return LsaEncoder.load(folder)
        say(f"{folder} is damaged: {LSA} is fitted again")
        shutil.rmtree(folder, ignore_errors=True)
    encoder = LsaEncoder.fit(texts, seed)
    unfinished = folder.with_name(f".{folder.name}-{os.getpid()}")
    encoder.save(unfinished)
    write_checksums(unfinished)
    try:
        unfinished.rename(folder)
    except OSError:  # another task was faster
        shutil.rmtree(unfinished)
    return encoder
