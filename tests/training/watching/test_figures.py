"""The figures of the watch, without features and for segments that have no rows."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.training.evaluation.test_cold_start_report import random_predictions
from training.evaluation.prediction_table import scored
from training.watching.figures import WhenChosen, watch_figures
from warehouse.tables import SCENES

NAMES = ("first", "second")


def test_without_features_scores_alone_are_told_to_drift() -> None:
    before, now = scored(random_predictions(seed=1)), scored(random_predictions(seed=2))
    features = np.random.default_rng(3).normal(size=(600, 2))
    moved = features + np.array([0, 2])
    overall = watch_figures(now, moved, WhenChosen.of(before, features, NAMES))[0]
    assert overall["feature"] == "second"
    assert overall["feature_psi"] > 0.25 > overall["score_psi"] > 0
    for known, chosen in ((None, WhenChosen.of(before, features, NAMES)), (moved, WhenChosen.of(before, None, NAMES))):
        assert watch_figures(now, known, chosen)[0] == overall | {"feature": None, "feature_psi": None}


def test_segments_without_rows_have_counts_and_nothing_else_and_those_of_one_class_no_auc() -> None:
    before, now = scored(random_predictions(seed=1)), scored(random_predictions(seed=2))
    lines = {line["segment"]: line for line in watch_figures(now, None, WhenChosen.of(before, None, NAMES))}
    assert {*lines} >= {"overall", *(f"scene {scene}" for scene in SCENES), "user zero", "item warm"}
    assert {name: value for name, value in lines["scene 4"].items() if value is not None} == {
        "segment": "scene 4",
        "rows": 0,
        "clicks": 0,
        "predicted_clicks": 0.0,
    }
    one_class = lines["scene 3"]
    assert (one_class["rows"], one_class["auc"]) == (one_class["clicks"], None)
    in_scene, scene_1 = before.scene == 1, lines["scene 1"]
    assert scene_1["chosen_auc"] == pytest.approx(roc_auc_score(before.label[in_scene], before.logit[in_scene]))
    assert scene_1["predicted_by_observed"] == scene_1["predicted_clicks"] / scene_1["clicks"]
