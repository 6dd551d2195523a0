"""What the endpoint accepts, whom it answers, and how newer features and models take the place of older ones."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from benchmarks.served_features import ids, publish_served_features, write_untrained
from serving.app import MOST_BYTES, create_app
from serving.errors import NotReadyError, RequestError
from serving.feature_sources import MemorySource
from serving.models import ModelSource
from serving.requests import time_in
from serving.service import Ready, Service
from warehouse.catalog import Catalog
from warehouse.tables import DAILY_UI

USERS, ITEMS = ids("u", 30), ids("i", 20)
ASKED = {
    "user_id": "u3",
    "scene": 1,
    "time": "2023-07-21T10:00:00Z",
    "candidates": [{"item_id": "i4", "deep_features_0": "d7"}, {"item_id": "i2"}, {"item_id": "never seen"}],
}


@dataclass
class Place:
    """A warehouse with features of a date, and an untrained model."""

    catalog: Catalog
    model: Path

    def service(self, as_of: str | None = None) -> Service:
        features = MemorySource(self.catalog, as_of)
        return Service(self.catalog, features, ModelSource(str(self.model), self.catalog, ""))


def make(folder: Path) -> Place:
    made = Place(Catalog(str(folder / "warehouse"), "demo"), folder / "model")
    publish_served_features(made.catalog, "2023-07-20", USERS, ITEMS, pairs=100)
    write_untrained(made.model, "demo", "dnn", USERS, ITEMS)
    return made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make(tmp_path)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Asks an endpoint that has loaded everything. Read only."""
    service = make(tmp_path_factory.mktemp("served")).service()
    service.refresh()
    assert service.problems == []
    return TestClient(create_app(service))


def test_every_candidate_gets_a_probability_and_a_rank_in_the_order_in_which_it_was_given(client: TestClient) -> None:
    twice = {**ASKED, "candidates": [*ASKED["candidates"], ASKED["candidates"][0]]}
    answer = client.post("/score", json=twice).json()
    assert (answer["run"], answer["features_of"]) == ("untrained_dnn", "2023-07-20")
    scores = answer["scores"]
    assert [score["item_id"] for score in scores] == ["i4", "i2", "never seen", "i4"]
    assert scores[0]["probability"] == scores[3]["probability"]
    assert len({score["probability"] for score in scores}) == 3
    best_first = sorted(scores, key=lambda score: score["rank"])
    assert [score["rank"] for score in best_first] == [1, 2, 3, 4]
    assert best_first == sorted(scores, key=lambda score: -score["probability"])


def test_texts_and_deep_features_of_the_request_hold_for_candidates_that_have_none(client: TestClient) -> None:
    def probabilities(common: dict, *candidates: dict) -> list[float]:
        asked = {**ASKED, **common, "candidates": [{"item_id": "i4", **own} for own in candidates]}
        return [score["probability"] for score in client.post("/score", json=asked).json()["scores"]]

    other, own, none = probabilities({"deep_features_0": "d1"}, {}, {"deep_features_0": "d7"}, {"deep_features_0": ""})
    assert [other, own] == probabilities({}, {"deep_features_0": "d1"}, {"deep_features_0": "d7"})
    assert [none] == probabilities({"deep_features_0": None}, {"deep_features_0": None})
    assert len({other, own, none}) == 3
    unknown, listed = probabilities({}, {"deep_features_0": "d1\x1fd7\x1f"}, {"deep_features_0": ["d7", "d1"]})
    assert unknown == listed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"user_id": ""}, "user_id must be an id as a text, not empty"),
        ({"user_id": 17}, "user_id must be an id as a text, not empty"),
        ({"scene": 5}, "scene must be a whole number, 0 to 4"),
        ({"scene": "1"}, "scene must be a whole number, 0 to 4"),
        ({"time": "soon"}, "time must be a time in ISO 8601, such as 2023-07-24T12:00:00Z"),
        ({"time": "2023-07-20T23:59:59Z"}, "time 2023-07-20T23:59:59+00:00 is not after 2023-07-20"),
        ({"time": "0001-01-01T00:00:00+09:00"}, "is outside the calendar"),
        ({"candidates": []}, "candidates must be a list of 1 to 1,000 items"),
        ({"candidates": [{"item_id": "i"}] * 1001}, "candidates must be a list of 1 to 1,000 items"),
        ({"candidates": [{"item_id": "i"}, {"item": "j"}]}, "candidates[1] has no item_id: give it"),
        ({"candidates": [{"item_id": "i"}, 7]}, "candidates[1] must be an object with an item_id"),
        ({"candidates": [{"item_id": "i", "price": 3}]}, "'price' is not a known field of candidates[0]: remove it"),
        ({"candidates": [{"item_id": "i", "item_title": 3}]}, "candidates[0].item_title must be a text, or null"),
        ({"deep_features_0": [3]}, "deep_features_0 must be a text, a list of texts, or null"),
        (
            {"candidates": [{"item_id": "i", "deep_features_1": 3}]},
            "candidates[0].deep_features_1 must be a text, a list",
        ),
        ({"price": 3}, "'price' is not a known field of the request: remove it"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(client: TestClient, changes: dict, sentence: str) -> None:
    answer = client.post("/score", json={**ASKED, **changes})
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_a_time_that_utc_does_not_have_is_refused() -> None:
    with pytest.raises(RequestError, match="time 9999-12-31T23:59:59 is outside the calendar"):
        time_in(ZoneInfo("America/New_York"), datetime(9999, 12, 31, 23, 59, 59))


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 422, "the request is not valid JSON, EOF while parsing an object at line 1 column 1: correct it"),
        (b'{"user_id": "\\ud800"}', 422, "the request is not valid JSON"),
        (b"\xff", 422, "the request is not valid JSON"),
        (b"[]", 422, "the request must be a JSON object"),
        (b"{}", 422, "the request has no user_id: give it"),
        (b" " * (MOST_BYTES + 1), 413, "the request has more than 4,194,304 bytes"),
    ],
)
def test_bodies_that_are_no_request_are_refused(client: TestClient, body: bytes, status: int, sentence: str) -> None:
    answer = client.post("/score", content=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert client.get("/score").status_code == 405
    assert client.get("/other").json() == {"error": "Not Found"}


def test_a_thousand_candidates_are_answered(client: TestClient) -> None:
    candidates = [{"item_id": f"i{number}"} for number in range(1000)]
    answer = client.post("/score", json={**ASKED, "candidates": candidates}).json()
    assert sorted(score["rank"] for score in answer["scores"]) == [*range(1, 1001)]


def test_only_who_has_the_token_may_ask(place: Place) -> None:
    service = place.service()
    service.refresh()
    client = TestClient(create_app(service, token="geheim ö"))
    assert client.get("/openapi.json").status_code == 404
    for path in ("/score", "/metrics"):
        for header in ({}, {"Authorization": "Bearer other"}, {"Authorization": "geheim ö".encode()}):
            refused = client.request("POST" if path == "/score" else "GET", path, headers=header, content=b"{")
            assert refused.status_code == 401
            assert "send it as Authorization: Bearer TOKEN" in refused.json()["error"]
    allowed = client.post("/score", json=ASKED, headers={"Authorization": "Bearer geheim ö".encode()})
    assert allowed.status_code == 200


def test_without_the_token_problems_are_counted_but_not_told(place: Place) -> None:
    def health(service: Service) -> tuple[Response, Response]:
        client, header = TestClient(create_app(service, token="secret")), {"Authorization": "Bearer secret"}
        return client.get("/health"), client.get("/health", headers=header)

    ready, not_ready = place.service(), place.service()
    ready.refresh()
    place.catalog.storage.remove(place.catalog.path(DAILY_UI, "2023-07-20"))
    publish_served_features(place.catalog, "2023-07-21", USERS, ITEMS, pairs=100)
    ready.refresh()
    stranger, friend = health(ready)
    assert stranger.json() == {"run": "untrained_dnn", "features_of": "2023-07-20", "problem_count": 1}
    assert friend.json() == {**stranger.json(), "problems": ready.problems}
    not_ready.refresh()
    stranger, friend = health(not_ready)
    assert (stranger.status_code, friend.status_code) == (503, 503)
    assert stranger.json() == {"error": "there is no answer yet: ask with the token to be told why"}
    assert "daily_ui_demo date=2023-07-20 is missing" in friend.json()["error"]


def test_until_features_and_model_are_loaded_it_says_what_is_missing(tmp_path: Path) -> None:
    catalog = Catalog(str(tmp_path / "warehouse"), "demo")
    service = Service(catalog, MemorySource(catalog), ModelSource(str(tmp_path / "no"), catalog, ""))
    client = TestClient(create_app(service))
    for _ in range(2):
        for answer in (client.post("/score", json=ASKED), client.get("/health")):
            assert answer.status_code == 503
            assert answer.json()["error"].startswith("there is no answer yet: ")
        service._features.refresh()
    assert "the features of users, items and pairs of any date are not published" in answer.json()["error"]


def test_newer_features_answer_as_soon_as_they_are_loaded(place: Place) -> None:
    service = place.service()
    service.refresh()
    client = TestClient(create_app(service))
    before = client.post("/score", json={**ASKED, "time": "2023-07-22T10:00:00Z"}).json()
    publish_served_features(place.catalog, "2023-07-21", USERS, ITEMS, pairs=100, seed=8)
    service.refresh()
    after = client.post("/score", json={**ASKED, "time": "2023-07-22T10:00:00Z"}).json()
    assert (before["features_of"], after["features_of"]) == ("2023-07-20", "2023-07-21")
    assert before["scores"] != after["scores"]
    older = place.service(as_of="2023-07-20")
    older.refresh()
    answer = TestClient(create_app(older)).post("/score", json={**ASKED, "time": "2023-07-22T10:00:00Z"}).json()
    assert answer == before


def test_features_that_are_not_fresh_are_not_used_and_named(place: Place) -> None:
    service = place.service()
    service.refresh()
    publish_served_features(place.catalog, "2023-07-21", USERS, ITEMS, pairs=100, seed=8)
    place.catalog.storage.remove(place.catalog.path(DAILY_UI, "2023-07-20"))
    service.refresh()
    health = TestClient(create_app(service)).get("/health").json()
    assert health["features_of"] == "2023-07-20"
    (problem,) = health["problems"]
    assert problem.startswith("the features of 2023-07-21 cannot be used (daily_ui_demo date=2023-07-20 is missing")


def test_an_endpoint_that_starts_when_the_newest_features_are_stale_answers_with_the_newest_fresh_ones(
    place: Place,
) -> None:
    publish_served_features(place.catalog, "2023-07-21", USERS, ITEMS, pairs=100, seed=8)
    place.catalog.storage.remove(place.catalog.path(DAILY_UI, "2023-07-21"))
    newest, that_date = place.service(), place.service(as_of="2023-07-21")
    for service in (newest, that_date, newest):
        service.refresh()
        [problem] = service.problems
        assert problem.startswith("the features of 2023-07-21 cannot be used (daily_ui_demo date=2023-07-21 is missing")
    assert newest.ready.store.as_of == "2023-07-20"
    with pytest.raises(NotReadyError, match="the features of 2023-07-21 cannot be used"):
        _ = that_date.ready


def test_requests_are_counted_by_status(place: Place) -> None:
    service = place.service()
    service.refresh()
    client = TestClient(create_app(service))
    client.post("/score", json=ASKED)
    client.post("/score", json={})
    lines = client.get("/metrics").text.splitlines()
    assert {'antm2c_requests_total{status="200"} 1.0', 'antm2c_requests_total{status="422"} 1.0'} < set(lines)
    assert {"antm2c_candidates_total 3.0", "antm2c_request_seconds_count 2.0"} < set(lines)


def test_a_model_that_cannot_be_used_leaves_the_one_before_in_its_place(place: Place) -> None:
    """As a champion that was exported wrongly: here the folder's description names another dataset."""
    (place.model / "version").write_text("1")
    service = Service(place.catalog, MemorySource(place.catalog), StandIn(str(place.model), place.catalog, ""))
    service.refresh()
    about = json.loads((place.model / "model.json").read_text())
    (place.model / "model.json").write_text(json.dumps({**about, "dataset": "other"}))
    (place.model / "version").write_text("2")
    service.refresh()
    assert service.ready.scorer.run == "untrained_dnn"
    (problem,) = service.problems
    assert "was trained on dataset other, and cannot score dataset demo" in problem
    (place.model / "model.json").write_text(json.dumps({**about, "run": "the next"}))
    service.refresh()
    assert (service.ready.scorer.run, service.problems) == ("the next", [])


def test_features_and_a_model_that_could_not_answer_are_tried_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Ready) -> None:
        raise MemoryError("no memory for it")

    service = place.service()
    with monkeypatch.context() as patched:
        patched.setattr(Ready, "warm_up", fail)
        service.refresh()
    assert service.problems == ["no memory for it"]
    service.refresh()
    assert (service.problems, service.ready.store.as_of) == ([], "2023-07-20")


@dataclass(frozen=True)
class StandIn(ModelSource):
    """A champion whose version is in a file."""

    def newest(self) -> str:
        return (Path(self.model) / "version").read_text()
