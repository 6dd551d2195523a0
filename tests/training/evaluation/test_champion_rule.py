"""The champion's rule, on random predictions and on tests made by hand."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from training.evaluation.auc import AucDifference
from training.evaluation.champion_rule import decide, lead_by_segment
from training.evaluation.segments import LEVELS
from warehouse.tables import SCENES

AHEAD, LEVEL, BEHIND = (AucDifference(at, at - 0.01, at + 0.01, 0.5) for at in (0.02, 0.001, -0.02))


def predictions(rows: int = 900) -> pa.Table:
    rng = np.random.default_rng(3)
    levels = {f"{entity}_level": pa.array(rng.choice(LEVELS, rows)).dictionary_encode() for entity in ("user", "item")}
    label = rng.integers(2, size=rows)
    logit = (label + rng.normal(size=rows)).round(1)
    user = pa.array(rng.integers(9, size=rows).astype(str)).dictionary_encode()
    columns = {"user_id": user, "scene": rng.choice(SCENES[:4], rows)}
    return pa.table({**columns, "label": label, "logit": logit, "probability": 1 / (1 + np.exp(-logit)), **levels})


def test_the_lead_in_each_segment_is_that_of_its_rows() -> None:
    table = predictions()
    champion = np.random.default_rng(4).normal(size=len(table)) + table["label"].to_numpy()
    tests = lead_by_segment(table, champion)
    lines = [{**line, "champion": score} for line, score in zip(table.to_pylist(), champion, strict=True)]
    segments = {f"scene {scene}": [line for line in lines if line["scene"] == scene] for scene in SCENES}
    for entity in ("user", "item"):
        for level in LEVELS:
            segments[f"{entity} {level}"] = [line for line in lines if line[f"{entity}_level"] == level]
    assert set(tests) == {"overall", *segments}
    for name, chosen in {"overall": lines, **segments}.items():
        if not chosen:  # a scene without rows
            assert tests[name] is None
            continue
        labels = [line["label"] for line in chosen]
        of_each = [roc_auc_score(labels, [line[who] for line in chosen]) for who in ("logit", "champion")]
        assert tests[name].difference == pytest.approx(of_each[0] - of_each[1], abs=1e-12)


@pytest.mark.parametrize(
    ("tests", "promote", "reason"),
    [
        ({"overall": AHEAD, "scene 0": LEVEL, "item zero": None}, True, "it is better by +0.0200 AUC"),
        ({"overall": LEVEL, "scene 0": AHEAD}, False, "its lead over the champion is not significant: +0.0010 AUC"),
        ({"overall": None}, False, "its lead over the champion is not significant: too few rows to tell"),
        (
            {"overall": AHEAD, "scene 0": BEHIND, "item zero": AHEAD},
            False,
            "it is significantly worse on scene 0 -0.",
        ),
    ],
)
def test_a_challenger_must_lead_significantly_and_be_worse_nowhere(tests: dict, promote: bool, reason: str) -> None:
    decision = decide(tests)
    assert decision.promote is promote
    assert decision.reason.startswith(reason)


def test_a_segment_with_a_handful_of_rows_is_not_tested() -> None:
    table = predictions(300)
    labels = table["label"].to_numpy().copy()
    few = table["scene"].to_numpy() == SCENES[0]
    labels[few] = np.arange(few.sum()) < 9  # clicked rows
    tests = lead_by_segment(table.set_column(2, "label", pa.array(labels)), -labels.astype(float))
    assert tests[f"scene {SCENES[0]}"] is None
    assert tests["overall"].high < 1
