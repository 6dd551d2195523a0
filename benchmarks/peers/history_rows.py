"""The rows with histories that models with target attention are compared on. All environments can import this."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

USERS, ITEMS, SCENES = 2_000, 300, 5
LENGTH = 50  # items in the longest history
HIDDEN = 128  # units of the network behind the attention, in all contenders

BATCH, LEARNING_RATE = 512, 5e-3

_ROWS = {"train": 100_000, "validation": 20_000}
_TOPICS = 8


@dataclass(frozen=True)
class HistoryRows:
    """n impressions. user, item, scene: int64 [n]; label: float32 [n].

    history: the items that the user clicked last, int64 [n, LENGTH]; 0, which is no item, in empty places at the end.
    """

    user: np.ndarray
    item: np.ndarray
    scene: np.ndarray
    label: np.ndarray
    history: np.ndarray


def write_history_rows(folder: Path, seed: int = 7) -> None:
    """Write train.npz and validation.npz, drawn from one click model.

    A user likes a few topics, and has clicked items of these. The logit of a click is the user's taste for the item's
    topic, the item's quality and the scene's bias.
    """
    rng = np.random.default_rng(seed)
    taste, topic = rng.dirichlet(np.full(_TOPICS, 0.1), USERS), rng.integers(0, _TOPICS, ITEMS)
    of_topic = [np.flatnonzero(topic[1:] == number) + 1 for number in range(_TOPICS)]  # item 0 stands for none
    quality, bias = 0.5 * rng.standard_normal(ITEMS), 0.3 * rng.standard_normal(SCENES)
    for part, rows in _ROWS.items():
        user, item, scene = (rng.integers(low, high, rows) for low, high in ((0, USERS), (1, ITEMS), (0, SCENES)))
        liked = (rng.random((rows, LENGTH, 1)) > taste[user].cumsum(1)[:, None]).sum(2).clip(max=_TOPICS - 1)
        history = np.zeros((rows, LENGTH), dtype=np.int64)
        for number, items in enumerate(of_topic):
            history[liked == number] = rng.choice(items, (liked == number).sum())
        history[np.arange(LENGTH) >= rng.integers(1, LENGTH + 1, (rows, 1))] = 0
        logit = 4 * np.sqrt(taste[user, topic[item]]) + quality[item] + bias[scene] - 1.5
        label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
        np.savez(folder / part, user=user, item=item, scene=scene, label=label, history=history)


def read_history_rows(folder: Path, part: str) -> HistoryRows:
    """Read what write_history_rows wrote. `part`: train or validation."""
    with np.load(folder / f"{part}.npz") as arrays:
        return HistoryRows(**arrays)
