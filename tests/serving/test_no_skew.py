"""The endpoint gives the probabilities that a run's validation gave the same impressions."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from serving.app import create_app
from serving.feature_sources import MemorySource
from serving.models import ModelSource
from serving.service import Service
from tests.serving.published_features import publish_features
from tests.training.logs import World
from training.cli import main
from warehouse.tables import DEEP_FEATURES, TEXT_COLUMNS


@pytest.mark.parametrize("model", ["dnn", "mmoe_content", "mmoe_din_text"])
def test_impressions_get_the_probabilities_that_they_had_in_validation(model: str, tmp_path: Path) -> None:
    world, folder = World(days=4, rows=800, worded=True, newcomers=0.6), tmp_path / "warehouse"
    catalog = world.publish(folder)
    as_of = publish_features(catalog, world)
    window = ["--warehouse", folder.as_uri(), "--dataset", "demo", "--as-of", world.last_date, "--train-days", "3"]
    options = ["--model", model, "--epochs", "1", "--text-encoder", "lsa", "--artifacts", str(tmp_path)]
    run = Path(main(["train", *window, *options])["artifacts"])
    tracking_uri, chosen = f"sqlite:///{tmp_path}/mlflow.db", str(run)
    if model == "dnn":
        main(["promote", "--artifacts", str(run), "--tracking-uri", tracking_uri])
        chosen = "champion"
    service = Service(catalog, MemorySource(catalog), ModelSource(chosen, catalog, tracking_uri))
    service.refresh()
    assert service.problems == []

    rows = world.tables[world.last_date].to_pylist()
    answers = ask(TestClient(create_app(service)), rows)
    assert {(answer["run"], answer["features_of"]) for answer in answers} == {(run.name, as_of)}
    expected = {key(row): row["probability"] for row in pq.read_table(run / "predictions.parquet").to_pylist()}
    found = {key(row): answer["scores"][0]["probability"] for row, answer in zip(rows, answers, strict=True)}
    assert len({round(probability, 4) for probability in expected.values()}) > 20
    assert found == pytest.approx(expected, abs=1e-5)


def ask(client: TestClient, rows: Sequence[dict]) -> list[dict]:
    """One request for each impression."""
    answers = []
    for row in rows:
        content = {name: row[name] for name in (*TEXT_COLUMNS, *DEEP_FEATURES)}
        asked = {"user_id": row["user_id"], "scene": row["scene"], "time": row["log_ts"].isoformat()}
        answer = client.post("/score", json={**asked, "candidates": [{"item_id": row["item_id"], **content}]})
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    return answers


def key(row: dict) -> tuple:
    return row["user_id"], row["item_id"], row["log_ts"].isoformat(), row["scene"]
