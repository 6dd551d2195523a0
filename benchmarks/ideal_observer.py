"""What the clicks of all days but the last tell of the last one's, in sample logs without deep features.

The observer knows the click model, its weights, what each scene likes and every item's topics. A user's taste and
leaning and an item's quality it infers from the clicks of the days before, the users' texts and their distributions: it
takes the most probable ones (maximum a posteriori). A model that has to learn the rest too can hardly do as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from sample_logs.clicks import ClickModel
from sample_logs.logs import SampleLogs
from sample_logs.population import GROUP_SHARE, TASTE_FOCUS
from sample_logs.settings import Settings
from sample_logs.texts import OFF_TOPIC
from sample_logs.vocabulary import read_vocabulary
from training.evaluation.auc import auc

_MOST_STEPS = 500  # of L-BFGS
_SETTLED = 0.05  # the largest slope that may be left; a trait's own distribution alone has one of about 1


@dataclass(frozen=True)
class Impressions:
    """n of them. day, user, item: int64 [n]; topics: the item's two [n, 2]; pull: how much their tastes count [n, 2].

    known: what the observer knows of the logit; label, probability: all float64 [n].
    """

    day: Tensor
    user: Tensor
    item: Tensor
    topics: Tensor
    pull: Tensor
    known: Tensor
    label: Tensor
    probability: Tensor


class Traits(nn.Module):
    """A user's taste [U, K] and leaning [U] and an item's quality [I], standard normal; at first the most likely: 0."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.group = torch.from_numpy(read_vocabulary().group)
        self.of_group = nn.Parameter(torch.zeros(users, int(self.group.max()) + 1, dtype=torch.float64))
        self.own = nn.Parameter(torch.zeros(users, len(self.group), dtype=torch.float64))
        self.leaning = nn.Parameter(torch.zeros(users, dtype=torch.float64))
        self.quality = nn.Parameter(torch.zeros(items, dtype=torch.float64))

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
    score = _logit(logs, last, traits.taste(), traits.leaning, traits.quality).detach().numpy()
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
    pull = logs.settings.click.affinity * shares * logs.scene_tastes.mix[scene[:, None], topics]
    nobody = replace(logs.users, taste=0 * logs.users.taste, leaning=0 * logs.users.leaning)
    nothing = replace(logs.items, quality=0 * logs.items.quality)
    without_traits = ClickModel(logs.settings, nobody, nothing, logs.scene_tastes)
    known = logs.base[scene] + np.concatenate(
        [without_traits.logit(block.user, block.item, block.scene, block.seconds, day) for day, block in blocks]
    )
    columns = (pull, known, label, probability)
    rows = Impressions(*map(torch.from_numpy, (day, user, item, topics, *(c.astype(np.float64) for c in columns))))
    true = map(torch.from_numpy, (logs.users.taste, logs.users.leaning, logs.items.quality))
    torch.testing.assert_close(_logit(logs, rows, *true).sigmoid(), rows.probability, atol=1e-5, rtol=0)
    return rows


def _logit(logs: SampleLogs, rows: Impressions, taste: Tensor, leaning: Tensor, quality: Tensor) -> Tensor:
    """[n], where users and items have these traits: sample_logs.clicks has the formula."""
    weights = logs.settings.click
    tastes = (rows.pull * taste[rows.user.unsqueeze(1), rows.topics]).sum(1)
    return rows.known + tastes + weights.leaning * leaning[rows.user] + weights.quality * quality[rows.item]


def _inferred(logs: SampleLogs, rows: Impressions) -> Traits:
    """The most probable traits, given the clicks on the rows and the users' texts."""
    traits, entities = Traits(len(logs.users.ids), len(logs.items.ids)), _entities(logs)
    optimizer = torch.optim.LBFGS(traits.parameters(), max_iter=_MOST_STEPS, line_search_fn="strong_wolfe")

    def improbability() -> Tensor:
        optimizer.zero_grad()
        taste = traits.taste()
        logits = _logit(logs, rows, taste, traits.leaning, traits.quality)
        clicks = -binary_cross_entropy_with_logits(logits, rows.label, reduction="sum")
        texts = sum((found * _of_topic(focus * taste).log()).sum() for focus, found in entities)
        total = -(clicks + texts + traits.log_density())
        total.backward()
        return total

    optimizer.step(improbability)
    steepest = max(float(values.grad.abs().max()) for values in traits.parameters() if values.grad is not None)
    if steepest > _SETTLED:
        raise RuntimeError(f"the traits have not settled: a slope of {steepest:g} is left after {_MOST_STEPS} steps")
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
        counts = torch.zeros(len(logs.users.ids), len(words), dtype=torch.float64)
        for user, text in enumerate(logs.users.texts[name].to_pylist()):
            for entity in filter(None, text.split(",")):
                counts[user, topic_of[entity.split("|")[0]]] += 1
        found.append((focus, counts))
    return found
