"""What turns the texts of a content model into vectors: how they are composed, their encoder and their whitening."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.data.text_columns import MODES
from training.errors import TrainingError
from training.text.lsa import NAME as LSA
from training.text.lsa import LsaEncoder
from training.text.whitening import Whitening

if TYPE_CHECKING:
    from training.text.embedding import Encoder
    from training.text.sentence_encoder import SentenceEncoder

ENCODER_FOLDER = "text_encoder"
_NAME_FILE, _LSA_FOLDER = "encoder.json", "lsa"


@dataclass(frozen=True)
class TextSpace:
    """The text encoder and the whitening of a run, fitted on the distinct training texts. mode: a key of MODES."""

    mode: str
    encoder: "Encoder"
    whitening: Whitening

    @property
    def shape(self) -> tuple[int, int]:
        """The number of texts per row and the size of a whitened embedding: T, K."""
        return len(MODES[self.mode]), self.whitening.size

    def save(self, folder: Path) -> None:
        """Write text_encoder/ and the whitening. For a sentence-transformers model, only its name and key are saved."""
        (folder / ENCODER_FOLDER).mkdir()
        description = {"mode": self.mode, "name": self.encoder.name, "key": self.encoder.key}
        (folder / ENCODER_FOLDER / _NAME_FILE).write_text(json.dumps(description), encoding="utf-8")
        if isinstance(self.encoder, LsaEncoder):
            self.encoder.save(folder / ENCODER_FOLDER / _LSA_FOLDER)
        self.whitening.save(folder)

    @staticmethod
    def load(folder: Path, moved_to: str | None = None) -> "TextSpace":
        """Read a saved text space. moved_to: the new folder of a sentence-transformers model, if it has moved.

        Raises TrainingError if the encoder is not the one that the run was trained with.
        """
        description = _description(folder)
        if description["name"] == LSA:
            encoder: Encoder = LsaEncoder.load(folder / ENCODER_FOLDER / _LSA_FOLDER)
        else:
            encoder = _sentence_encoder(moved_to or description["name"], description["key"], folder.name)
        return TextSpace(description["mode"], encoder, Whitening.load(folder))


def saved_shape(folder: Path) -> tuple[int, int]:
    """Return the `shape` of a saved text space without opening its encoder."""
    return len(MODES[_description(folder)["mode"]]), Whitening.load(folder).size


def saved_encoder(folder: Path) -> str:
    """Return the name of the encoder of a saved text space."""
    return _description(folder)["name"]


def _description(folder: Path) -> dict[str, str]:
    return json.loads((folder / ENCODER_FOLDER / _NAME_FILE).read_text(encoding="utf-8"))


def _sentence_encoder(name: str, key: str, run: str) -> "SentenceEncoder":
    from training.text.sentence_encoder import SentenceEncoder  # only here: lsa needs none of its libraries

    encoder = SentenceEncoder.open(name)
    if not encoder.has_key(key):
        raise TrainingError(
            f"the text encoder {name} is not the one that {run} was trained with, or has changed since: "
            "pass the folder of the right one as --text-encoder, or train again"
        )
    return encoder


def whitened_table(whitening: Whitening, embeddings: np.ndarray) -> np.ndarray:
    """Return the whitened embeddings [n, D] as a table [1 + n, K] float32. Its first row, for no text, is zeros."""
    table = np.zeros((1 + len(embeddings), whitening.size), dtype=np.float32)
    whitening.apply(embeddings, out=table[1:])
    return table
