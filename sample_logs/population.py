"""Users and items: their ids, when they appear, and the traits behind their clicks and texts."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from sample_logs import texts
from sample_logs.apportion import apportion
from sample_logs.settings import IDS, RELEASE_USERS, SCENES, Settings
from sample_logs.vocabulary import read_vocabulary

_FIRST_ID = 1_000_000
GROUP_SHARE = 0.6  # of the variance of tastes is shared within a group of related topics
_LEAST_WEIGHT = 0.1  # relative to the mean: everybody is seen now and then
_LONGEST = {"query_entity_seq": 8, "bill_entity_seq": 5, "service_entity_seq": 4}
# How clearly a user's entities show the user's taste: queries more than bills.
TASTE_FOCUS = {"query_entity_seq": 2.0, "bill_entity_seq": 1.0, "service_entity_seq": 1.0}


@dataclass(frozen=True)
class SceneTastes:
    """How scenes differ, by topic, [S, K]. mix: how often a topic is shown and how much users' taste for it counts.

    appeal: how much the scene's users like the topic, whatever their own taste.
    """

    mix: np.ndarray
    appeal: np.ndarray


@dataclass(frozen=True)
class Users:
    """U users. ids, birth (first day), weight (activity), leaning (to click): [U]. in_scene: [U, S]. taste: [U, K]."""

    ids: np.ndarray
    birth: np.ndarray
    weight: np.ndarray
    in_scene: np.ndarray
    taste: np.ndarray
    leaning: np.ndarray
    texts: dict[str, pa.Array]


@dataclass(frozen=True)
class Items:
    """I items, sorted by scene. ids, birth (day), weight (popularity), scene, quality: [I]; topics: [I, 2].

    first_share: the weight of the first topic. The entity texts of an item are the `variants` texts that start at
    position `first_entity_text` of `entity_texts`.
    """

    ids: np.ndarray
    birth: np.ndarray
    weight: np.ndarray
    scene: np.ndarray
    topics: np.ndarray
    first_share: np.ndarray
    quality: np.ndarray
    title: pa.Array
    entity_texts: pa.Array
    first_entity_text: np.ndarray
    variants: np.ndarray


def draw_scene_tastes(rng: np.random.Generator) -> SceneTastes:
    """Draw how the scenes differ."""
    mix = np.exp(0.5 * _topic_traits(len(SCENES), rng))
    mix /= np.sqrt(np.mean(mix**2, axis=1, keepdims=True))
    return SceneTastes(mix=mix, appeal=_topic_traits(len(SCENES), rng))


def draw_users(settings: Settings, rng: np.random.Generator) -> Users:
    """Draw the users of all dates."""
    count = settings.users
    taste = _topic_traits(count, rng)
    return Users(
        ids=_ids(count, rng),
        birth=_births(count, settings.founding_users, settings.days, rng),
        weight=_heavy_tailed(count, settings.user_tail, rng),
        in_scene=_scene_members(count, rng),
        taste=taste,
        leaning=rng.standard_normal(count, dtype=np.float32),
        texts={
            name: texts.interest_sequences(np.exp(TASTE_FOCUS[name] * taste), longest, rng)
            for name, longest in _LONGEST.items()
        },
    )


def with_other_tastes(users: Users, tastes: SceneTastes, rng: np.random.Generator) -> tuple[Users, SceneTastes]:
    """Draw anew what users like, by topic, how readily they click, and what the scenes' users like. Texts stay."""
    taste, leaning = _topic_traits(len(users.ids), rng), rng.standard_normal(len(users.ids), dtype=np.float32)
    return replace(users, taste=taste, leaning=leaning), replace(tastes, appeal=_topic_traits(len(SCENES), rng))


def draw_items(settings: Settings, tastes: SceneTastes, rng: np.random.Generator) -> Items:
    """Draw the items of all dates."""
    count = settings.items
    by_scene = apportion(count, np.array([scene.items for scene in SCENES]))
    scene = np.repeat(np.arange(len(SCENES)), by_scene)
    topics = np.empty((count, 2), dtype=np.int64)
    for number, mix in enumerate(tastes.mix):
        in_scene = scene == number
        topics[in_scene] = rng.choice(len(mix), size=(in_scene.sum(), 2), p=mix / mix.sum())
    first_share = rng.uniform(0.6, 1.0, count).astype(np.float32)
    title = texts.titles(scene, topics, first_share, rng)
    entity_texts, first_entity_text, variants = texts.entity_names(topics, first_share, rng)
    return Items(
        ids=_ids(count, rng),
        birth=_births(count, settings.founding_items, settings.days, rng),
        weight=np.concatenate([_heavy_tailed(n, settings.item_tail, rng) for n in by_scene]),
        scene=scene,
        topics=topics,
        first_share=first_share,
        quality=rng.standard_normal(count, dtype=np.float32),
        title=title,
        entity_texts=entity_texts,
        first_entity_text=first_entity_text,
        variants=variants,
    )


def _topic_traits(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw standard normal traits by topic, correlated within groups of topics: float32 [count, K]."""
    group = read_vocabulary().group
    shared = rng.standard_normal((count, group.max() + 1), dtype=np.float32)[:, group]
    own = rng.standard_normal((count, len(group)), dtype=np.float32)
    return np.float32(GROUP_SHARE**0.5) * shared + np.float32((1 - GROUP_SHARE) ** 0.5) * own


def _ids(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(IDS, size=count, replace=False) + _FIRST_ID


def _births(count: int, founding: float, days: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the day on which each user or item first appears: day 0 for a fixed share, any later day for the others."""
    if days == 1:
        return np.zeros(count, dtype=np.int64)
    return np.where(rng.random(count) < founding, 0, rng.integers(1, days, count))


def _heavy_tailed(count: int, tail: float, rng: np.random.Generator) -> np.ndarray:
    """Return weights with a Pareto tail and a mean of about 1. They are quantiles, so no single weight dominates."""
    quantile = (rng.permutation(count) + 0.5) / count
    return _LEAST_WEIGHT + (1 - _LEAST_WEIGHT) * (tail - 1) * ((1 - quantile) ** (-1 / tail) - 1)


def _scene_members(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw which scenes each user visits, at least one, with the release's shares of users: bool [U, S]."""
    members = np.zeros((count, len(SCENES)), dtype=bool)
    for number in sorted(range(len(SCENES)), key=lambda scene: -SCENES[scene].users):
        order = rng.random(count) + members.any(axis=1)  # those without a scene first
        members[np.argsort(order)[: round(count * SCENES[number].users / RELEASE_USERS)], number] = True
    return members
