"""Measure how well an ideal observer predicts the last day's clicks from earlier days, in sample logs.

The observer knows the click model, its weights, what each scene likes and every item's topics. It estimates each user's
taste and leaning and each item's quality from earlier clicks, the users' texts and the traits' distributions, by their
most probable values (maximum a posteriori). A model has to learn all of this, so it can hardly be better.

Observers who see less of users' tastes show what there is to learn from clicks, and what from texts.
"""

from collections.abc import Collection, Iterable
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

CLICKS, TEXTS = TASTES_FROM = ("clicks", "texts")
_MOST_STEPS = 500  # of L-BFGS
_CONVERGED = 0.05  # the largest gradient that may remain; that of a trait's prior alone is about 1


@dataclass(frozen=True)
class Impressions:
    """n impressions. day, user, item: int64 [n]; topics: the item's two, int64 [n, 2].

    pull: the weights of the user's tastes for these topics, float64 [n, 2]. known: the part of the logit that the
    observer knows; known, label, probability: float64 [n].
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
    """Users' tastes [U, K] and leanings [U] and items' qualities [I], standard normal. They start at their mode, 0."""

    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.group = torch.from_numpy(read_vocabulary().group)
        self.of_group = nn.Parameter(torch.zeros(users, int(self.group.max()) + 1, dtype=torch.float64))
        self.own = nn.Parameter(torch.zeros(users, len(self.group), dtype=torch.float64))
        self.leaning = nn.Parameter(torch.zeros(users, dtype=torch.float64))
        self.quality = nn.Parameter(torch.zeros(items, dtype=torch.float64))

    def taste(self) -> Tensor:
        """Tastes [U, K]: the sum of a share for the topic's group and one for the topic itself."""
        return GROUP_SHARE**0.5 * self.of_group[:, self.group] + (1 - GROUP_SHARE) ** 0.5 * self.own

    def log_density(self) -> Tensor:
        """Return the log density of the traits, up to a constant."""
        return -torch.stack([values.square().sum() for values in self.parameters()]).sum() / 2


def reached(
    settings: Settings, train_days: int, tastes_from: Collection[str] = TASTES_FROM
) -> dict[str, tuple[float, float]]:
    """Return the observer's AUC and that of the true probabilities on the rows of the last day.

    Both over all rows, and over rows whose item or user did not occur in the `train_days` before. tastes_from: what the
    observer learns users' tastes from, some of TASTES_FROM. Without any, tastes count as 0. Leanings and qualities are
    always learned from clicks.
    """
    logs, last_day = SampleLogs(settings), settings.days - 1
    before, last = _impressions(logs, range(last_day)), _impressions(logs, [last_day])
    traits = _inferred(logs, before, tastes_from)
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
    """Return the logits [n] for users and items with these traits, by the formula in sample_logs.clicks."""
    weights = logs.settings.click
    tastes = (rows.pull * taste[rows.user.unsqueeze(1), rows.topics]).sum(1)
    return rows.known + tastes + weights.leaning * leaning[rows.user] + weights.quality * quality[rows.item]


def _inferred(logs: SampleLogs, rows: Impressions, tastes_from: Collection[str]) -> Traits:
    """Find the most probable traits, given the clicks of the rows and the texts of users. tastes_from: as above."""
    traits, entities = Traits(len(logs.users.ids), len(logs.items.ids)), _entities(logs) if TEXTS in tastes_from else []
    optimizer = torch.optim.LBFGS(traits.parameters(), max_iter=_MOST_STEPS, line_search_fn="strong_wolfe")

    def negative_log_posterior() -> Tensor:
        optimizer.zero_grad()
        taste = traits.taste()
        in_clicks = taste if CLICKS in tastes_from else 0 * taste
        logits = _logit(logs, rows, in_clicks, traits.leaning, traits.quality)
        clicks = -binary_cross_entropy_with_logits(logits, rows.label, reduction="sum")
        texts = sum((found * _of_topic(focus * taste).log()).sum() for focus, found in entities)
        total = -(clicks + texts + traits.log_density())
        total.backward()
        return total

    optimizer.step(negative_log_posterior)
    gradient = max(float(values.grad.abs().max()) for values in traits.parameters() if values.grad is not None)
    if gradient > _CONVERGED:
        raise RuntimeError(f"the traits have not converged: the gradient is {gradient:g} after {_MOST_STEPS} steps")
    return traits


def _of_topic(interest: Tensor) -> Tensor:
    """Return the probabilities [U, K] of the topics of an entity in a user's text."""
    return (1 - OFF_TOPIC) * interest.softmax(1) + OFF_TOPIC / interest.shape[1]


def _entities(logs: SampleLogs) -> list[tuple[float, Tensor]]:
    """For each text column of users: how clearly it shows their tastes, and the number of entities by topic [U, K]."""
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
