"""The lead over the champion, against a comparison of every pair of rows."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from plugins.board import routes
from tests.plugins.conftest import MakeRun
from tests.plugins.test_routes import served
from training.tracking.champion import Champion
from training.tracking.run_tags import CONFIG_TAG, identity

LABELS = np.random.default_rng(0).random(80) < 0.4
Predict = Callable[..., Path]


@pytest.fixture
def predicted(make_run: MakeRun) -> Predict:
    """Makes a run with predictions."""

    def make(model: str, seed: int, version: str = "v", labels: np.ndarray = LABELS) -> Path:
        day = "2023-07-23"
        inputs = [{"table": "train", "date": day, "version": version}]
        run = make_run(model, seed, config={"inputs": inputs, "window": {"train": [], "val": [day]}})
        users = np.arange(len(labels)).astype(str)
        table = {"user_id": users, "label": labels.astype(np.int32), "logit": scores(seed)}
        pq.write_table(pa.table(table), run / "predictions.parquet")
        return run

    return make


def scores(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed + 1).normal(size=80) + LABELS).astype(np.float32).round(1)


def slow_auc(logits: np.ndarray) -> float:
    pairs = [(logits[i], logits[j]) for i in range(80) if LABELS[i] for j in range(80) if not LABELS[j]]
    return sum(1.0 if clicked > other else 0.5 if clicked == other else 0.0 for clicked, other in pairs) / len(pairs)


@pytest.fixture
def champion(predicted: Predict, monkeypatch: pytest.MonkeyPatch) -> Path:
    run = predicted("mmoe", 0)
    found = Champion("1", run.name, identity(run)[CONFIG_TAG], "a")
    monkeypatch.setattr(routes, "champion_of", Mock(return_value=found))
    return run


def leads(browser: TestClient, *runs: Path) -> list[dict]:
    answer = browser.get("data/leads", params={"dataset": "demo", "run": [run.name for run in runs]})
    assert answer.status_code == 200
    return answer.json()


def test_a_lead_is_the_difference_of_the_aucs_with_an_interval(
    champion: Path, predicted: Predict, artifacts: Path
) -> None:
    run = predicted("dnn", 1)
    browser = served(artifacts)
    own, (lead,) = leads(browser, champion), leads(browser, run)
    assert own == [{"name": champion.name, "why_not": "it is the champion"}]
    assert lead["name"] == run.name
    assert lead["difference"] == pytest.approx(slow_auc(scores(1)) - slow_auc(scores(0)))
    assert lead["low"] < lead["difference"] < lead["high"]
    (run / "predictions.parquet").unlink()
    assert leads(browser, run) == [lead], "it is computed once"


@pytest.mark.usefixtures("champion")
def test_why_there_is_no_lead_is_said(predicted: Predict, artifacts: Path) -> None:
    runs = [predicted("dnn", 1, "another"), predicted("ple", 2), predicted("dnn", 3, labels=~LABELS)]
    (runs[1] / "predictions.parquet").write_bytes(b"damaged")
    said = [lead["why_not"] for lead in leads(served(artifacts), *runs)]
    for sentence, part in zip(said, ("on other rows", "cannot be read", "has other labels"), strict=True):
        assert part in sentence


def test_another_run_with_the_champions_name_is_not_taken_for_it(
    champion: Path, predicted: Predict, artifacts: Path
) -> None:
    config = champion / "mmoe_config.json"
    config.write_text(config.read_text() + " ")
    (lead,) = leads(served(artifacts), predicted("dnn", 1))
    assert "same name" in lead["why_not"]


def test_without_a_champion_there_is_no_lead(
    predicted: Predict, artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "champion_of", Mock(return_value=None))
    (lead,) = leads(served(artifacts), predicted("dnn", 1))
    assert lead["why_not"] == "there is no champion yet"
