"""Texts say what is liked: titles and entities come from topics, query entities from tastes."""

import numpy as np
import pytest

from sample_logs.settings import SCENES
from sample_logs.vocabulary import read_vocabulary
from tests.sample_logs.conftest import Made

TOPIC_OF_WORD = {word: topic for topic, words in enumerate(read_vocabulary().words) for word in words}


def topics_of(sequence: str) -> list[int]:
    return [TOPIC_OF_WORD[entity.split("|")[0]] for entity in sequence.split(",") if entity]


def words_of_topics(title: str, topics: np.ndarray) -> int:
    """How many words of the topics the title holds."""
    return sum(word in title for topic in set(topics.tolist()) for word in read_vocabulary().words[topic])


def test_no_word_stands_for_two_topics() -> None:
    words = read_vocabulary().words
    assert len(TOPIC_OF_WORD) == words.size
    assert not any(set(',|" ') & set(word) for word in TOPIC_OF_WORD)


def test_a_titles_words_are_of_the_items_topics(demo: Made) -> None:
    titles, topics = demo.logs.items.title.to_pylist(), demo.logs.items.topics
    own = sum(words_of_topics(title, of_item) for title, of_item in zip(titles, topics, strict=True))
    others = sum(words_of_topics(title, of_item) for title, of_item in zip(titles, np.roll(topics, 777), strict=True))
    assert own > len(titles)
    assert own > 5 * others


def test_titles_differ_by_what_the_scene_shows(demo: Made) -> None:
    marks = ["小程序", "元代金券", "教程｜"]
    scene = demo.logs.items.scene
    for mark, expected in zip(marks, (1, 4, 3), strict=True):
        found = [s for s, title in zip(scene, demo.logs.items.title.to_pylist(), strict=True) if mark in title]
        assert len(found) > 20
        assert set(found) == {expected}


def test_items_of_one_topic_share_entities(demo: Made) -> None:
    items = demo.logs.items
    texts = items.entity_texts.to_pylist()
    of_item = [set(topics_of(texts[first])) for first in items.first_entity_text]
    own = np.mean([bool(found & set(t)) for found, t in zip(of_item, items.topics.tolist(), strict=True) if found])
    others = np.roll(items.topics, 777, axis=0).tolist()
    by_chance = np.mean([bool(found & set(t)) for found, t in zip(of_item, others, strict=True) if found])
    assert own > 0.9
    assert by_chance < 0.3


@pytest.mark.parametrize("name", ["query_entity_seq", "bill_entity_seq", "service_entity_seq"])
def test_users_entities_are_of_topics_they_like(demo: Made, name: str) -> None:
    users = demo.logs.users
    liked = [users.taste[u, t] for u, text in enumerate(users.texts[name].to_pylist()) for t in topics_of(text)]
    assert np.mean(liked) > 0.5  # standard deviations


def test_queries_say_more_of_a_user_than_bills(demo: Made) -> None:
    users = demo.logs.users

    def mean_taste(name: str) -> float:
        texts = users.texts[name].to_pylist()
        return float(np.mean([users.taste[u, t] for u, text in enumerate(texts) for t in topics_of(text)]))

    assert mean_taste("query_entity_seq") > mean_taste("bill_entity_seq") + 0.1


@pytest.mark.parametrize("scene", range(len(SCENES)))
def test_rows_whose_item_is_of_a_queried_topic_are_clicked_more(demo: Made, scene: int) -> None:
    """Seen from the log alone: the text of the user and of the item tell of the click."""
    users, items = demo.logs.users, demo.logs.items
    queried = np.zeros(users.taste.shape, dtype=bool)
    for user, text in enumerate(users.texts["query_entity_seq"].to_pylist()):
        queried[user, topics_of(text)] = True
    in_scene = demo.column("scene") == scene
    matches = queried[demo.column("user"), items.topics[demo.column("item"), 0]][in_scene]
    label = demo.column("label")[in_scene]
    assert label[matches].mean() > label[~matches].mean() + 0.05
