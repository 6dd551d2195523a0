import csv

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from training.evaluation.cold_start_report import cold_start_report, write_long, write_pivot
from training.evaluation.metrics import evaluated
from training.evaluation.prediction_table import cold_start_level, scored
from training.evaluation.segments import FEWEST_ROWS, LEVELS, OVERALL, Segment
from warehouse.tables import SCENES


def random_predictions(n=600, seed=0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(size=n).round(1).astype(np.float32)
    scene = rng.integers(0, 4, n)  # the last scene stays empty
    label = np.where(scene == 3, 1, rng.integers(0, 2, n))  # and the one before has one class
    columns = {
        "user_id": pa.array([f"u{i}" for i in rng.integers(0, 50, n)]).dictionary_encode(),
        "item_id": pa.array([f"i{i}" for i in rng.integers(0, 30, n)]).dictionary_encode(),
        "log_ts": pa.array(rng.integers(0, 10**6, n), pa.timestamp("us", tz="UTC")),
        "scene": pa.array(scene, pa.int32()),
        "label": pa.array(label, pa.int32()),
        "logit": logit,
        "probability": 1 / (1 + np.exp(-logit.astype(float))),
        "user_level": pa.array(rng.choice(LEVELS, n)).dictionary_encode(),
        "item_level": pa.array(rng.choice(LEVELS, n)).dictionary_encode(),
    }
    return pa.table(columns)


def written_out(rows, segment):
    """The segment's rows, looked at one by one."""
    wanted = {"scene": segment.scene, "user_level": segment.user_level, "item_level": segment.item_level}
    return [row for row in rows if all(value is None or row[name] == value for name, value in wanted.items())]


def test_every_segment_equals_a_loop_over_its_rows():
    predictions = random_predictions()
    rows = predictions.to_pylist()
    for segment, figures in cold_start_report(scored(predictions)).items():
        chosen = written_out(rows, segment)
        labels = [row["label"] for row in chosen]
        assert (figures.rows, figures.positives) == (len(chosen), sum(labels))
        if len(set(labels)) == 2:
            assert figures.auc == pytest.approx(roc_auc_score(labels, [row["logit"] for row in chosen]), abs=1e-12)
        if min(sum(labels), len(labels) - sum(labels)) >= FEWEST_ROWS:
            assert figures.auc_low < figures.auc < figures.auc_high
        else:
            assert figures.auc_low is figures.auc_high is None
            assert (figures.auc is None) == (len(set(labels)) < 2)
        if chosen:
            assert figures.ctr == pytest.approx(np.mean(labels))
            assert figures.predicted_ctr == pytest.approx(np.mean([row["probability"] for row in chosen]))
        else:
            assert figures.logloss is figures.ctr is figures.predicted_ctr is None


def test_levels_follow_the_counts():
    counts = [0, 1, 5, 6, 100]
    assert [LEVELS[i] for i in cold_start_level(np.array(counts), 5)] == ["zero", "few", "few", "warm", "warm"]


def test_the_long_report_has_every_segment_and_leaves_undefined_figures_empty(tmp_path):
    write_long(cold_start_report(scored(random_predictions())), tmp_path / "long.csv")
    lines = list(csv.DictReader((tmp_path / "long.csv").open()))
    expected = "segment,scene,user_level,item_level,rows,positives,auc,auc_low,auc_high,logloss,ctr,predicted_ctr"
    assert list(lines[0]) == expected.split(",")
    counted = {name: sum(line["segment"] == name for line in lines) for name in {line["segment"] for line in lines}}
    crossed = len(SCENES) * 3
    assert counted == {
        **{"overall": 1, "user_level": 3, "item_level": 3, "scene": len(SCENES)},
        **{"scene_x_user_level": crossed, "scene_x_item_level": crossed},
    }
    one_class = next(line for line in lines if line["segment"] == "scene" and line["scene"] == "3")
    assert (one_class["auc"], one_class["ctr"]) == ("", "1.0")
    empty = next(line for line in lines if line["segment"] == "scene" and line["scene"] == "4")
    assert (empty["rows"], empty["logloss"]) == ("0", "")


def test_the_pivot_holds_the_auc_of_scene_and_level(tmp_path):
    report = cold_start_report(scored(random_predictions()))
    write_pivot(report, tmp_path / "pivot.csv")
    lines = {line["scene"]: line for line in csv.DictReader((tmp_path / "pivot.csv").open())}
    assert list(lines) == ["all", *map(str, SCENES)]
    assert float(lines["all"]["all"]) == report[OVERALL].auc
    assert float(lines["all"]["item_few"]) == report[Segment("item_level", item_level="few")].auc
    assert float(lines["1"]["all"]) == report[Segment("scene", scene=1)].auc
    assert float(lines["2"]["user_warm"]) == report[Segment("scene_x_user_level", 2, user_level="warm")].auc
    assert float(lines["2"]["item_zero"]) == report[Segment("scene_x_item_level", 2, item_level="zero")].auc


def test_share_is_measured_against_the_best_of_the_same_segment():
    predictions = random_predictions()
    truth = np.random.default_rng(5).random(len(predictions)) + predictions["label"].to_numpy() * 0.5
    metrics, _ = evaluated(predictions, truth)
    for level in LEVELS:
        rows = [i for i, row in enumerate(predictions.to_pylist()) if row["item_level"] == level]
        labels = predictions["label"].to_numpy()[rows]
        best = roc_auc_score(labels, truth[rows])
        expected = (metrics["auc_by"]["item_level"][level] - 0.5) / (best - 0.5)
        assert metrics["share_by"]["item_level"][level] == pytest.approx(expected, abs=1e-12)
    assert metrics["share_by"]["scene"]["3"] is None
    assert metrics["share"] == pytest.approx((metrics["auc"] - 0.5) / (metrics["best_reachable_auc"] - 0.5))


def test_without_truth_nothing_is_said_of_the_best():
    metrics, _ = evaluated(random_predictions(), None)
    assert not {"best_reachable_auc", "share", "share_by"} & set(metrics)
