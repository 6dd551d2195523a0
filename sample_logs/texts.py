"""Draw titles and entity sequences of items and users from the words of topics."""

import numpy as np
import pyarrow as pa

from sample_logs.vocabulary import read_vocabulary

# By scene, in the order of settings.SCENES. They contain commas and quotes on purpose.
_TITLES = (
    (
        "{0}怎么选？{1}、{2}一次说清",
        "{0}和{1}，到底差在哪",
        "“{0}”新手指南",
        "{0}避坑,{1}亲测有效",
        '聊聊"{0}"与{1}的{n}件事',
    ),
    ("{0}助手", "{0}{1}服务", "{0}·{1}", "本地{0}查询,{1}办理", "{0}{n}号店小程序"),
    ("{0}限时优惠，{1}立减{n}元", '{0}"{1}"特惠专场', "满{n}减30,{0}{1}任选", "新人专享{0}{1}", "今日{0}直降{n}元"),
    ("{0}教程｜{1}", "{n}分钟学会{0}，{1}不求人", 'vlog：{0}的一天,"{1}"', "#{0} #{1} #{2}", "{0}还能这样{1}？"),
    ("{0}{n}元代金券", "{0}8折券", "{0}满减券，{1}可用", '"{0}"通用券,限{1}', "{0}{1}第二件半价券"),
)
_TYPES = ("", "", "|INTENT_TARGET", "|PRODUCT", "|UNKNOWN")
_MISSING = 0.03  # share of texts that are empty
OFF_TOPIC = 0.1  # share of words that come from any topic
_VARYING_ITEMS = 247 / 2820  # the share of items with several entity texts in a sample of the release
_MOST_VARIANTS = 19


def titles(scene: np.ndarray, topics: np.ndarray, first_share: np.ndarray, rng: np.random.Generator) -> pa.Array:
    """Draw a title for each item. scene: [I]; topics: two per item [I, 2]; first_share: the first one's weight [I]."""
    words = _words(_mixed_topics(topics, first_share, 3, rng), rng).tolist()
    template = rng.integers(0, len(_TITLES[0]), len(scene)).tolist()
    number = rng.integers(2, 200, len(scene)).tolist()
    missing = (rng.random(len(scene)) < _MISSING).tolist()
    return pa.array(
        "" if is_missing else _TITLES[s][t].format(*chosen, n=n)
        for is_missing, s, t, chosen, n in zip(missing, scene.tolist(), template, words, number, strict=True)
    )


def entity_names(
    topics: np.ndarray, first_share: np.ndarray, rng: np.random.Generator
) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Draw the entity texts of all items. Returns one array, each item's first index in it and number of texts [I]."""
    several = np.minimum(rng.geometric(0.4, len(topics)) + 1, _MOST_VARIANTS)
    variants = np.where(rng.random(len(topics)) < _VARYING_ITEMS, several, 1)
    owner = np.repeat(np.arange(len(topics)), variants)
    drawn = _mixed_topics(topics[owner], first_share[owner], 4, rng)
    return _sequences(drawn, 1, rng), np.cumsum(variants) - variants, variants


def interest_sequences(topic_weights: np.ndarray, longest: int, rng: np.random.Generator) -> pa.Array:
    """Draw a sequence of 1 to `longest` entities for each user by topic weights [U, K]."""
    cumulative = np.cumsum(topic_weights, axis=1)
    uniform = rng.random((len(topic_weights), longest)) * cumulative[:, -1:]
    drawn = np.stack([(cumulative < column[:, None]).sum(axis=1) for column in uniform.T], axis=1)
    return _sequences(drawn, 1, rng)


def _mixed_topics(topics: np.ndarray, first_share: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` topics per item [I, count] from its two, by their weights. The first is always its first topic."""
    second = rng.random((len(topics), count)) >= first_share[:, None]
    second[:, 0] = False
    return np.where(second, topics[:, 1:], topics[:, :1])


def _words(topics: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a word for each topic, and sometimes one from another topic. Returns str, of the same shape."""
    vocabulary = read_vocabulary()
    stray = rng.random(topics.shape) < OFF_TOPIC
    topics = np.where(stray, rng.integers(0, vocabulary.topics, topics.shape), topics)
    return vocabulary.words[topics, rng.integers(0, vocabulary.words.shape[1], topics.shape)]


def _sequences(topics: np.ndarray, shortest: int, rng: np.random.Generator) -> pa.Array:
    """Join entities with commas, some with a type: `shortest` to L of the topics [N, L]. A few texts are empty."""
    entities = _words(topics, rng) + np.array(_TYPES, dtype=object)[rng.integers(0, len(_TYPES), topics.shape)]
    length = rng.integers(shortest, topics.shape[1] + 1, len(topics))
    length[rng.random(len(topics)) < _MISSING] = 0
    return pa.array(",".join(row[:end]) for row, end in zip(entities.tolist(), length.tolist(), strict=True))
