"""What a run's content model sees of texts: how they are made, their encoder and a whitening."""

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
from training.text.sentence import SentenceEncoder
from training.text.whitening import Whitening

_FOLDER, _NAME_FILE, _LSA_FOLDER = "text_encoder", "encoder.json", "lsa"


@dataclass(frozen=True)
class TextSpace:
    """Fitted on the distinct texts of the training window, where there is something to fit. mode: a key of MODES."""

    mode: str
    encoder: Encoder
    whitening: Whitening

    @property
    def shape(self) -> tuple[int, int]:
        """Texts a row, and the size of a whitened embedding: T, K."""
        return len(MODES[self.mode]), self.whitening.size

    def save(self, folder: Path) -> None:
        """Writes text_encoder/ and the whitening's files. Of a sentence-transformers model only name and key."""
        (folder / _FOLDER).mkdir()
        named = {"mode": self.mode, "name": self.encoder.name, "key": self.encoder.key}
        (folder / _FOLDER / _NAME_FILE).write_text(json.dumps(named), encoding="utf-8")
        if isinstance(self.encoder, LsaEncoder):
            self.encoder.save(folder / _FOLDER / _LSA_FOLDER)
        self.whitening.save(folder)

    @staticmethod
    def load(folder: Path) -> "TextSpace":
        """The inverse of save. Raises TrainingError if the encoder is another."""
        named = json.loads((folder / _FOLDER / _NAME_FILE).read_text(encoding="utf-8"))
        name = named["name"]
        lsa = name == LSA
        encoder = LsaEncoder.load(folder / _FOLDER / _LSA_FOLDER) if lsa else SentenceEncoder.open(name)
        if encoder.key != named["key"]:
            raise TrainingError(f"the text encoder {name} has changed since {folder.name} was trained: train again")
        return TextSpace(named["mode"], encoder, Whitening.load(folder))


def whitened_table(whitening: Whitening, embeddings: np.ndarray) -> Tensor:
    """[1 + n, K] float32: zeros, the mean, for rows without text, then the embeddings [n, D]."""
    table = np.zeros((1 + len(embeddings), whitening.size), dtype=np.float32)
    whitening.apply(embeddings, out=table[1:])
    return torch.from_numpy(table)
