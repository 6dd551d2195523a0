"""Read topics, their groups and their Chinese words from topics.txt."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

_TOPICS_FILE = Path(__file__).with_name("topics.txt")


@dataclass(frozen=True)
class Vocabulary:
    """K topics of W words each. words: str [K, W]; group: int [K], the number of the topic's group."""

    words: np.ndarray
    group: np.ndarray

    @property
    def topics(self) -> int:
        return len(self.group)


@cache
def read_vocabulary() -> Vocabulary:
    """Read the words from which titles and entities are drawn."""
    words: list[list[str]] = []
    group: list[int] = []
    groups = 0
    for line in _TOPICS_FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            groups += 1
        elif not line.startswith("#"):
            name, listed = line.split(": ")
            words.append([name, *listed.split()])
            group.append(groups - 1)
    return Vocabulary(np.array(words, dtype=object), np.array(group))
