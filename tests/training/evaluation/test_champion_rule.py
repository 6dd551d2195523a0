"""The champion's rule, on random predictions and on tests made by hand."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm
from sklearn.metrics import log_loss, roc_auc_score

from training.evaluation.auc import AucDifference
from training.evaluation.champion_rule import (
    LogLossDifference,
    decide,
    lead_by_segment,
    logloss_difference,
    significantly_behind,
)
from training.evaluation.segments import LEVELS
from warehouse.tables import SCENES

AHEAD, LEVEL, BEHIND = (
    AucDifference(at, at - 0.01, at + 0.01, p) for at, p in ((0.02, 1e-4), (0.001, 0.8), (-0.02, 1e-4))
)
AS_GOOD, WORSE = LogLossDifference(0.001, -0.001, 0.003), LogLossDifference(0.002, 0.001, 0.003)


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
    decision = decide(tests, AS_GOOD)
    assert decision.promote is promote
    assert decision.reason.startswith(reason)


def test_a_challenger_with_worse_probabilities_is_refused() -> None:
    decision = decide({"overall": AHEAD}, WORSE)
    assert not decision.promote
    assert decision.reason.startswith("its probabilities are significantly worse: +0.0020")


def test_the_difference_in_log_loss_is_that_of_the_rows_and_its_deviation_that_of_whole_users() -> None:
    table = predictions()
    label, logit = table["label"].to_numpy(), table["logit"].to_numpy()
    champion = np.random.default_rng(4).normal(size=len(table)) + label
    excess = [
        log_loss([y], [1 / (1 + np.exp(-own))], labels=[0, 1])
        - log_loss([y], [1 / (1 + np.exp(-other))], labels=[0, 1])
        for y, own, other in zip(label, logit, champion, strict=True)
    ]
    found = logloss_difference(table, champion)
    assert found.difference == pytest.approx(np.mean(excess))
    users = table["user_id"].to_pylist()
    sums = [sum(e - np.mean(excess) for e, u in zip(excess, users, strict=True) if u == user) for user in set(users)]
    deviation = np.std(sums, ddof=1) * len(sums) ** 0.5 / len(table)
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=1e-3)


def test_equally_good_challengers_seldom_fail_in_a_segment() -> None:
    rng = np.random.default_rng(5)
    failed = 0
    for _ in range(2000):
        z = rng.normal(size=11)
        tests = {str(i): AucDifference(at, at - 1.96, at + 1.96, 2 * norm.sf(abs(at))) for i, at in enumerate(z)}
        failed += bool(significantly_behind(tests))
    assert 0.03 < failed / 2000 < 0.065


def test_holms_correction_steps_down() -> None:
    behind = {name: AucDifference(-0.01, -0.02, 0, p) for name, p in (("a", 0.02), ("b", 0.04), ("c", 0.5))}
    assert significantly_behind(behind) == ["a", "b"]
    assert significantly_behind({**behind, "d": None, "e": LEVEL}) == ["a"]


def test_a_segment_with_a_handful_of_rows_is_not_tested() -> None:
    table = predictions(300)
    labels = table["label"].to_numpy().copy()
    few = table["scene"].to_numpy() == SCENES[0]
    labels[few] = np.arange(few.sum()) < 9  # clicked rows
    tests = lead_by_segment(table.set_column(2, "label", pa.array(labels)), -labels.astype(float))
    assert tests[f"scene {SCENES[0]}"] is None
    assert tests["overall"].high < 1
