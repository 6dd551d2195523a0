"""A small click world: users with tastes, items with topics, features counted day by day, published as Spark would."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date as calendar_date
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from warehouse.catalog import Catalog
from warehouse.manifest import Input
from warehouse.publish import Content, StagedPartition
from warehouse.tables import DEEP_FEATURES, SCENES, SEQUENCE_LENGTH, SEQUENCES_USER, TEXT_COLUMNS, TRAIN, TRUTH

FIRST_DATE = calendar_date(2023, 7, 10)
ARROW = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def date_of(day: int) -> str:
    return (FIRST_DATE + timedelta(days=day)).isoformat()


@dataclass
class World:
    """Users and items arrive over the days; clicks are drawn from the known probability."""

    users: int = 60
    items: int = 40
    topics: int = 6
    days: int = 6
    rows: int = 1_800
    seed: int = 7
    newcomers: float = 0.3
    deep_features: int = 2
    signal: float = 1.0  # 0: clicks are unpredictable
    worded: bool = False  # whether items and users have texts
    topical: bool = False  # whether an item's topic alone decides its appeal, which its text then predicts
    tables: dict[str, pa.Table] = field(default_factory=dict)
    truths: dict[str, pa.Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        taste = rng.normal(size=(self.users, self.topics))
        topic = rng.integers(self.topics, size=self.items)
        mood, appeal = rng.normal(scale=0.6, size=self.users), rng.normal(scale=0.7, size=self.items)
        if self.topical:
            appeal = np.linspace(-1.2, 1.2, self.topics)[topic]
        scene_mood = rng.normal(scale=0.5, size=len(SCENES))
        arrival = [
            np.where(rng.random(n) < self.newcomers, rng.integers(self.days, size=n), 0)
            for n in (self.users, self.items)
        ]
        shown = [rng.pareto(1.2, n) + 0.2 for n in (self.users, self.items)]
        history = History(self.users, self.items)
        words = Words(taste, topic, np.random.default_rng(self.seed + 1)) if self.worded else None
        for day in range(self.days):
            n = self.rows // self.days
            user, item = (rng.choice(len(s), n, p=_among(s, a <= day)) for s, a in zip(shown, arrival, strict=True))
            scene = rng.choice(len(SCENES), n, p=_among(np.arange(1.0, len(SCENES) + 1), True))
            seconds = np.sort(rng.integers(86_400, size=n))
            hour = np.sin(seconds / 86_400 * 2 * np.pi)
            logit = -0.8 + mood[user] + appeal[item] + scene_mood[scene] + 0.9 * taste[user, topic[item]] + 0.3 * hour
            probability = 1 / (1 + np.exp(-self.signal * logit))
            label = (rng.random(n) < probability).astype(np.int32)
            start = np.datetime64(date_of(day), "us")
            columns = {
                "user_id": [f"u{number}" for number in user],
                "item_id": [f"i{number}" for number in item],
                "log_ts": start + seconds.astype("timedelta64[s]"),
                "label": label,
                "scene": scene.astype(np.int32),
                **{name: [""] * n for name in TEXT_COLUMNS},
                **{name: [None] * n for name in DEEP_FEATURES},
                **{name: [f"t{t % 4}" for t in topic[item]] for name in DEEP_FEATURES[: self.deep_features]},
                **(words.texts(user, item) if words else {}),
                **history.features(user, item),
            }
            self.tables[date_of(day)] = as_table(TRAIN, columns)
            self.truths[date_of(day)] = as_table(TRUTH, {**columns, "click_probability": probability})
            history.add(user, item, scene, label)

    @property
    def last_date(self) -> str:
        return date_of(self.days - 1)

    def sequences(self, date: str) -> dict[str, list[tuple]]:
        """The last impressions of each user before the date: item, scene, clicked, day."""
        shown: dict[str, list[tuple]] = defaultdict(list)
        for earlier, table in self.tables.items():
            for row in table.select(["user_id", "item_id", "scene", "label"]).to_pylist() if earlier < date else ():
                day = calendar_date.fromisoformat(earlier)
                shown[row["user_id"]].append((row["item_id"], row["scene"], row["label"], day))
        return {user: impressions[-SEQUENCE_LENGTH:] for user, impressions in shown.items()}

    def publish(self, folder: Path, dataset: str = "demo", truth: bool = True) -> Catalog:
        catalog = Catalog(str(folder), dataset)
        for date, table in self.tables.items():
            publish(catalog, date, table)
            publish_sequences(catalog, date, self.sequences(date))
            if truth:
                Path(catalog.path(TRUTH, date)).mkdir(parents=True)
                pq.write_table(self.truths[date], f"{catalog.path(TRUTH, date)}/part-0.parquet")
        return catalog


class Words:
    """Texts of items and users, made of their topics' words; a few are missing."""

    def __init__(self, taste: np.ndarray, topic: np.ndarray, rng: np.random.Generator) -> None:
        def word(of_topic: int) -> str:
            first = 0x4E00 + 40 * int(of_topic) + 2 * int(rng.integers(8))
            return chr(first) + chr(first + 1) + ("|INTENT_TARGET" if rng.random() < 0.3 else "")

        odds = np.exp(2.5 * taste)
        queries = [rng.choice(len(o), 6, p=o / o.sum()) for o in odds]
        self.titles = [f"今日{word(t)[:2]}，“{word(t)[:2]}”指南" for t in topic]
        self.entities = [",".join(word(t) for _ in range(3)) for t in topic]
        self.queries = [",".join(word(t) for t in drawn) for drawn in queries]
        for texts in (self.titles, self.entities, self.queries):
            for missing in np.flatnonzero(rng.random(len(texts)) < 0.08):
                texts[missing] = ""
        self.titles[3] = self.entities[3] = ""

    def texts(self, user: np.ndarray, item: np.ndarray) -> dict[str, list[str]]:
        return {
            "item_title": [self.titles[i] for i in item],
            "item_entity_names": [self.entities[i] for i in item],
            "query_entity_seq": [self.queries[u] for u in user],
        }


class History:
    """Counts of all earlier days, by user, item and pair."""

    def __init__(self, users: int, items: int) -> None:
        # [entity, scene, impressions or clicks] of every day so far
        self.by_day: dict[str, list[np.ndarray]] = {"u": [np.zeros((users, len(SCENES), 2), int)]}
        self.by_day["i"] = [np.zeros((items, len(SCENES), 2), int)]
        self.pairs: dict[tuple[int, int], np.ndarray] = defaultdict(lambda: np.zeros(2, int))

    def features(self, user: np.ndarray, item: np.ndarray) -> dict[str, np.ndarray]:
        features: dict[str, np.ndarray] = {}
        for prefix, entity in (("u", user), ("i", item)):
            days = self.by_day[prefix]
            of_period = {"day": days[-1], "7d": sum(days[-7:]), "cum": sum(days)}
            for period, counts in of_period.items():
                imp, clk = counts.sum(axis=1)[entity].T
                features |= {f"{prefix}_imp_{period}": imp, f"{prefix}_clk_{period}": clk}
                features[f"{prefix}_ctr_{period}"] = clk / np.maximum(imp, 1)
            for scene in SCENES:
                imp, clk = of_period["cum"][entity, scene].T
                features |= {f"{prefix}_imp_s{scene}": imp, f"{prefix}_clk_s{scene}": clk}
        pairs = np.array([self.pairs.get(pair, (0, 0)) for pair in zip(user.tolist(), item.tolist(), strict=True)])
        return features | {"ui_imp_hist": pairs[:, 0], "ui_clk_hist": pairs[:, 1]}

    def add(self, user: np.ndarray, item: np.ndarray, scene: np.ndarray, label: np.ndarray) -> None:
        for prefix, entity in (("u", user), ("i", item)):
            counts = np.zeros_like(self.by_day[prefix][0])
            np.add.at(counts, (entity, scene), np.stack([np.ones_like(label), label], axis=1))
            self.by_day[prefix].append(counts)
        for pair, clicked in zip(zip(user.tolist(), item.tolist(), strict=True), label.tolist(), strict=True):
            self.pairs[pair] += (1, clicked)


def as_table(table, columns: dict) -> pa.Table:
    return pa.table({name: pa.array(columns[name], ARROW[kind]) for name, kind in table.columns})


def publish(catalog: Catalog, date: str, table: pa.Table, inputs: list[Input] | None = None) -> None:
    """One Parquet file a scene, `scene` in the path only, and a manifest."""
    with StagedPartition(catalog, TRAIN, date) as staged:
        for scene in SCENES:
            rows = table.filter(pa.compute.equal(table["scene"], scene)).drop_columns("scene")
            if len(rows):
                folder = Path(staged.path) / f"scene={scene}"
                folder.mkdir()
                pq.write_table(rows, folder / "part-0.zstd.parquet", compression="zstd")
        content = Content(len(table), [[c, t] for c, t in TRAIN.columns], checksum=str(hash(repr(table["label"]))))
        staged.publish(content, inputs or [])


def publish_sequences(catalog: Catalog, date: str, sequences: dict[str, list[tuple]]) -> None:
    users, kinds = list(sequences), (pa.string(), pa.int32(), pa.int32(), pa.date32())
    lists = [
        pa.array([[entry[at] for entry in sequences[user]] for user in users], pa.list_(kind))
        for at, kind in enumerate(kinds)
    ]
    table = pa.table([pa.array(users, pa.string()), *lists], names=SEQUENCES_USER.column_names)
    with StagedPartition(catalog, SEQUENCES_USER, date) as staged:
        pyarrow.orc.write_table(table, f"{staged.path}/part-0.orc")
        columns = [[name, kind] for name, kind in SEQUENCES_USER.columns]
        staged.publish(Content(len(table), columns, checksum=str(hash(repr(sequences)))), [])


def _among(weights: np.ndarray, present: np.ndarray | bool) -> np.ndarray:
    weights = np.where(present, weights, 0.0)
    return weights / weights.sum()
