"""How well the last day of sample logs can be told at all from the days before it.

The observer knows the click model, its weights, what each scene likes and every item's topics. A user's taste and
leaning and an item's quality it infers from the clicks of the days before, the users' texts and their distributions: it
takes the most probable ones (maximum a posteriori). No model of the logs knows as much.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from sample_logs.logs import SampleLogs
from sample_logs.population import GROUP_SHARE, TASTE_FOCUS
from sample_logs.settings import Settings
from sample_logs.texts import OFF_TOPIC
from sample_logs.vocabulary import read_vocabulary
from training.evaluation.auc import auc

_STEPS = 150  # of L-BFGS: the objective is settled before


@dataclass(frozen=True)
class Impressions:
    """n of them. day, user, item: int64 [n]; topics: the item's two [n, 2]; pull: how much their tastes count [n, 2].

    label, probability: float32 [n].
    """

    day: Tensor
    user: Tensor
    item: Tensor
    topics: Tensor
    pull: Tensor
    label: Tensor
    probability: Tensor


class Traits(nn.Module):
    """A user's taste [U, K] and leaning [U] and an item's quality [I], standard normal; at first the most likely: 0."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.group = torch.from_numpy(read_vocabulary().group)
        self.of_group = nn.Parameter(torch.zeros(users, int(self.group.max()) + 1))
        self.own = nn.Parameter(torch.zeros(users, len(self.group)))
        self.leaning = nn.Parameter(torch.zeros(users))
        self.quality = nn.Parameter(torch.zeros(items))

    def taste(self) -> Tensor:
        """[U, K]: what a topic's group and the topic itself add."""
        return GROUP_SHARE**0.5 * self.of_group[:, self.group] + (1 - GROUP_SHARE) ** 0.5 * self.own

    def log_density(self) -> Tensor:
        """But for a constant."""
        return -torch.stack([values.square().sum() for values in self.parameters()]).sum() / 2


def reached(settings: Settings, train_days: int) -> dict[str, tuple[float, float]]:
    """AUC of the observer, and of the true probabilities, on the last day's rows: overall and those of items and of
    users that the `train_days` before it have not seen.
    """
    logs, last_day = SampleLogs(settings), settings.days - 1
    before, last = _impressions(logs, range(last_day)), _impressions(logs, [last_day])
    traits = _inferred(logs, before)
    score = (_known(logs, last) + _inferred_part(logs, last, traits)).detach().numpy()
    window = before.day >= last_day - train_days
    segments = {
        "overall": np.full(len(score), True),
        "item zero": ~np.isin(last.item, before.item[window]),
        "user zero": ~np.isin(last.user, before.user[window]),
    }
    label, truth = last.label.numpy(), last.probability.numpy()
    areas = {}
    for name, rows in segments.items():
        own, best = auc(score[rows], label[rows]), auc(truth[rows], label[rows])
        assert own is not None  # hundreds of rows: both classes are there
        assert best is not None
        areas[name] = own, best
    return areas


def _impressions(logs: SampleLogs, days: Iterable[int]) -> Impressions:
    blocks = [(day, block) for day in days for block in logs.blocks(day)]
    day = np.repeat([day for day, _ in blocks], [len(block.user) for _, block in blocks])
    user, item, scene, label, probability = (
        np.concatenate([getattr(block, name) for _, block in blocks])
        for name in ("user", "item", "scene", "label", "probability")
    )
    topics, first_share = logs.items.topics[item], logs.items.first_share[item]
    shares = np.stack([first_share, 1 - first_share], axis=1)
    pull = logs.settings.click.affinity * shares * logs.tastes.mix[scene[:, None], topics]
    columns = (day, user, item, topics, pull.astype(np.float32))
    return Impressions(*map(torch.from_numpy, (*columns, label.astype(np.float32), probability.astype(np.float32))))


def _hidden(logs: SampleLogs, rows: Impressions, taste: Tensor, leaning: Tensor, quality: Tensor) -> Tensor:
    """What the traits add to the logits, [n]: sample_logs.clicks has the formula."""
    weights = logs.settings.click
    tastes = (rows.pull * taste[rows.user.unsqueeze(1), rows.topics]).sum(1)
    return tastes + weights.leaning * leaning[rows.user] + weights.quality * quality[rows.item]


def _known(logs: SampleLogs, rows: Impressions) -> Tensor:
    """The rest of the logits, [n]."""
    true = (logs.users.taste, logs.users.leaning, logs.items.quality)
    return rows.probability.logit() - _hidden(logs, rows, *map(torch.from_numpy, true))


def _inferred_part(logs: SampleLogs, rows: Impressions, traits: Traits) -> Tensor:
    return _hidden(logs, rows, traits.taste(), traits.leaning, traits.quality)


def _inferred(logs: SampleLogs, rows: Impressions) -> Traits:
    """The most probable traits, given the clicks on the rows and the users' texts."""
    traits, known, entities = Traits(len(logs.users.ids), len(logs.items.ids)), _known(logs, rows), _entities(logs)
    optimizer = torch.optim.LBFGS(traits.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

    def improbability() -> Tensor:
        optimizer.zero_grad()
        logits = known + _inferred_part(logs, rows, traits)
        clicks = -binary_cross_entropy_with_logits(logits, rows.label, reduction="sum")
        taste = traits.taste()
        texts = sum((found * _of_topic(focus * taste).log()).sum() for focus, found in entities)
        total = -(clicks + texts + traits.log_density())
        total.backward()
        return total

    optimizer.step(improbability)
    return traits


def _of_topic(interest: Tensor) -> Tensor:
    """Of which topic an entity of a user's text is: probabilities [U, K]."""
    return (1 - OFF_TOPIC) * interest.softmax(1) + OFF_TOPIC / interest.shape[1]


def _entities(logs: SampleLogs) -> list[tuple[float, Tensor]]:
    """For each of the users' texts how clearly it shows the taste, and its entities by topic [U, K]."""
    words = read_vocabulary().words
    topic_of = {word: topic for topic, listed in enumerate(words) for word in listed}
    found = []
    for name, focus in TASTE_FOCUS.items():
        counts = torch.zeros(len(logs.users.ids), len(words))
        for user, text in enumerate(logs.users.texts[name].to_pylist()):
            for entity in filter(None, text.split(",")):
                counts[user, topic_of[entity.split("|")[0]]] += 1
        found.append((focus, counts))
    return found
