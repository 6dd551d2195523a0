"""No feature of a row knows a label of its own date."""

import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from tests.spark_jobs.conftest import Warehouse
from tests.spark_jobs.odd_logs import write_odd_logs
from warehouse.tables import LOGS, SEQUENCES_USER, TRAIN

FEATURES = [name for name in TRAIN.column_names if name not in LOGS.column_names]
ROWS, DAYS = 3000, 4


def write_random_labels(raw: Path, seed: int) -> list[str]:
    """Logs in which the label is the toss of a coin, whoever sees what."""
    rng = random.Random(seed)
    days = [(date(2023, 7, 1) + timedelta(days=i)).isoformat() for i in range(DAYS)]
    for day in days:
        folder = raw / f"date={day}"
        folder.mkdir(parents=True)
        lines = [
            f"{rng.randrange(1500)},{rng.randrange(400)},{day} 12:00:00,{rng.randrange(2)},{rng.randrange(5)}"
            for _ in range(ROWS)
        ]
        (folder / "a.csv").write_text("\n".join(["user_id,item_id,log_time,label,scene", *lines]))
    return days


def auc_by_feature(rows: list[dict]) -> dict[str, float]:
    labels = np.array([row["label"] for row in rows])
    return {name: roc_auc_score(labels, [row[name] for row in rows]) for name in FEATURES}


def four_standard_errors(rows: list[dict]) -> float:
    """Of an AUC of 0.5 without ties, Mann and Whitney 1947; ties make it smaller."""
    positives = sum(row["label"] for row in rows)
    negatives = len(rows) - positives
    return 4 * ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5


def test_random_labels_cannot_be_told_from_any_feature_unless_the_join_leaks(warehouse: Warehouse) -> None:
    days = write_random_labels(warehouse.raw, seed=1)
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    rows = warehouse.rows(TRAIN, days[-1])
    aucs = auc_by_feature(rows)
    off = {name: auc for name, auc in aucs.items() if abs(auc - 0.5) > four_standard_errors(rows)}
    assert off == {}

    warehouse.run("training_table", "--date", days[-1], "--feature-lag-days", "0")
    leaky = auc_by_feature(warehouse.rows(TRAIN, days[-1]))
    assert leaky["u_clk_day"] > 0.65
    assert leaky["u_ctr_7d"] > 0.65
    assert leaky["i_ctr_cum"] > 0.5 + four_standard_errors(rows)


def test_flipping_every_label_of_a_date_changes_no_feature_and_no_sequence_of_it(warehouse: Warehouse) -> None:
    days = write_odd_logs(warehouse.raw, seed=11, offsets=[0, 1, 2])
    warehouse.run_all("--start-date", days[0], "--end-date", days[-1])
    sequences = warehouse.catalog.version(SEQUENCES_USER, days[-1])
    before, impressions = features_of(warehouse, days[-1]), warehouse.rows(LOGS, days[-1])
    for file in (warehouse.raw / f"date={days[-1]}").iterdir():
        file.unlink()
    header = ["user_id", "item_id", "log_time", "label", "scene"]
    lines = [
        f"{row['user_id']},{row['item_id']},{row['log_ts']:%Y-%m-%d %H:%M:%S.%f},{1 - row['label']},{row['scene']}"
        for row in impressions
    ]
    (warehouse.raw / f"date={days[-1]}" / "flipped.csv").write_text("\n".join([",".join(header), *lines]))
    warehouse.run_all("--date", days[-1])
    after = features_of(warehouse, days[-1])
    assert sorted((key, features) for key, _, features in before) == sorted((key, f) for key, _, f in after)
    assert warehouse.catalog.version(SEQUENCES_USER, days[-1]) == sequences
    assert sum(label for _, label, _ in before) == len(after) - sum(label for _, label, _ in after)


def features_of(warehouse: Warehouse, day: str) -> list[tuple]:
    return [
        ((row["user_id"], row["item_id"], row["log_ts"], row["scene"]), row["label"], [row[f] for f in FEATURES])
        for row in warehouse.rows(TRAIN, day)
    ]
