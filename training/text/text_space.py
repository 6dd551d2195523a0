"""What turns the texts of a content model into vectors: how they are composed, their encoder and their whitening."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.text_columns import MODES
from training.errors import TrainingError
from training.text.embedding import Encoder
from training.text.lsa import NAME as LSA
from training.text.lsa import LsaEncoder
from training.text.sentence_encoder import SentenceEncoder
from training.text.whitening import Whitening

_FOLDER, _NAME_FILE, _LSA_FOLDER = "text_encoder", "encoder.json", "lsa"


@dataclass(frozen=True)
class TextSpace:
    """The text encoder and the whitening of a run, fitted on the distinct training texts. mode: a key of MODES."""

    mode: str
    encoder: Encoder
    whitening: Whitening

    @property
    def shape(self) -> tuple[int, int]:
        """The number of texts per row and the size of a whitened embedding: T, K."""
        return len(MODES[self.mode]), self.whitening.size

    def save(self, folder: Path) -> None:
        """Write text_encoder/ and the whitening. For a sentence-transformers model, only its name and key are saved."""
        (folder / _FOLDER).mkdir()
        description = {"mode": self.mode, "name": self.encoder.name, "key": self.encoder.key}
        (folder / _FOLDER / _NAME_FILE).write_text(json.dumps(description), encoding="utf-8")
        if isinstance(self.encoder, LsaEncoder):
            self.encoder.save(folder / _FOLDER / _LSA_FOLDER)
        self.whitening.save(folder)

    @staticmethod
    def load(folder: Path, moved_to: str | None = None) -> "TextSpace":
        """Read a saved text space. moved_to: the present folder of a sentence-transformers model, if it has moved.

        Raises TrainingError if the encoder is not the one that the run was trained with.
        """
        description = json.loads((folder / _FOLDER / _NAME_FILE).read_text(encoding="utf-8"))
        if description["name"] == LSA:
            encoder: Encoder = LsaEncoder.load(folder / _FOLDER / _LSA_FOLDER)
        else:
            encoder = _sentence_encoder(moved_to or description["name"], description["key"], folder.name)
        return TextSpace(description["mode"], encoder, Whitening.load(folder))


def _sentence_encoder(name: str, key: str, run: str) -> SentenceEncoder:
    encoder = SentenceEncoder.open(name)
    if not encoder.has_key(key):
        raise TrainingError(
            f"the text encoder {name} is not the one that {run} was trained with, or has changed since: "
            "pass the folder of the right one as --text-encoder, or train again"
        )
    return encoder


def whitened_table(whitening: Whitening, embeddings: np.ndarray) -> Tensor:
    """Return the whitened embeddings [n, D] as a table [1 + n, K] float32. Its first row, for no text, is zeros."""
    table = np.zeros((1 + len(embeddings), whitening.size), dtype=np.float32)
    whitening.apply(embeddings, out=table[1:])
    return torch.from_numpy(table)
