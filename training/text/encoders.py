"""Choose a text encoder by name, and fit or open it."""

import shutil
from pathlib import Path

import pyarrow as pa

from training.checksums import changed_files, write_checksums
from training.errors import TrainingError
from training.progress import say
from training.text.cache import EmbeddingCache
from training.text.embedding import Encoder
from training.text.lsa import NAME as LSA
from training.text.lsa import LsaEncoder, fit_key
from training.text.sentence_encoder import is_downloaded, located
from training.unfinished_name import unfinished_name

AUTO = "auto"
_PREFERRED = "m3e-base"


def resolve_encoder(name: str) -> str:
    """Return the name of the encoder to use: the absolute path of a folder, or the name as given.

    `auto` becomes m3e-base if it is downloaded, and lsa otherwise. Raises TrainingError if there is no such encoder.
    """
    if name == LSA:
        return name
    if name != AUTO:
        try:
            return located(name)
        except TrainingError as error:
            raise TrainingError(f"{error}, or use --text-encoder {LSA}, which needs no download") from error
    if is_downloaded(_PREFERRED):
        say(f"text encoder: {_PREFERRED}, found in the local model cache")
        return _PREFERRED
    say(f"text encoder: {LSA}, because {_PREFERRED} is not in the local model cache")
    return LSA


def cache_of(encoder: Encoder, folder: Path) -> EmbeddingCache:
    """Return the cache of an encoder's embeddings. folder: that of all caches."""
    return EmbeddingCache(folder / Path(encoder.name).name / encoder.key)


def fitted_lsa(texts: pa.Array, seed: int, parent: Path) -> LsaEncoder:
    """Fit lsa on the texts, or load the result from `parent` if it was fitted on the same texts before."""
    folder = parent / LSA / f"fitted-{fit_key(texts, seed)}"
    if folder.is_dir():
        if not changed_files(folder):
            return LsaEncoder.load(folder)
        say(f"{folder} is damaged: {LSA} is fitted again")
        shutil.rmtree(folder, ignore_errors=True)
    encoder = LsaEncoder.fit(texts, seed)
    unfinished = unfinished_name(folder)
    encoder.save(unfinished)
    write_checksums(unfinished)
    try:
        unfinished.rename(folder)
    except OSError:  # another task was faster
        shutil.rmtree(unfinished)
    return encoder
