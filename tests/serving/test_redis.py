"""Features in Redis: the same answers as from memory, newer ones without a pause, and what happens if Redis is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import uvicorn
from fastapi.testclient import TestClient
from redis.client import Pipeline

from benchmarks.served_features import publish_served_features
from local.errors import StartError
from serving.__main__ import main
from serving.app import create_app
from serving.errors import ServingError
from serving.feature_sources import RedisSource
from serving.load import load_newest
from serving.models import ModelSource
from serving.redis_connection import RedisConnection
from serving.redis_snapshots import OLD_SECONDS, RedisSnapshots
from serving.service import Service
from serving.snapshots import load_snapshot, newest_snapshot
from tests.serving.redis_server import RedisServer
from tests.serving.test_endpoint import ITEMS, USERS, Place, make
from warehouse.settings import REPOSITORY

LOCK, CURRENT = b"antm2c:demo:loading", b"antm2c:demo:current"
_KILLED_BEFORE_THE_SWAP = """
import os, signal
from serving import load
load.RedisSnapshots.swap = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
load.main()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis. If there is none, tests fail in CI and are skipped elsewhere."""
    try:
        started = RedisServer(tmp_path_factory.mktemp("redis"))
        started.start()
    except StartError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield started
    started.stop()


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    """An empty Redis."""
    server.client.flushall()
    return server


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make(tmp_path)


def service_of(place: Place, redis: RedisServer) -> Service:
    source = RedisSource(place.catalog, redis.url)
    return Service(place.catalog, source, ModelSource(str(place.model), place.catalog, ""))


def ready(place: Place, redis: RedisServer) -> tuple[Service, TestClient]:
    """An endpoint whose features were in Redis already."""
    load_newest(place.catalog, RedisConnection(redis.url))
    service = service_of(place, redis)
    service.refresh()
    assert service.problems == []
    return service, TestClient(create_app(service))


def asked(user: str = "u3") -> dict:
    items = [*ITEMS.to_pylist(), "never seen", "i4"]
    candidates = [{"item_id": item, "deep_features_0": "d3"} for item in items]
    return {"user_id": user, "scene": 2, "time": "2023-07-22T10:00:00Z", "candidates": candidates}


def snapshots(redis: RedisServer) -> set[bytes]:
    """The prefixes of the keys of snapshots."""
    return {key.rpartition(b":")[0] for key in redis.client.keys("*") if key not in (LOCK, CURRENT)}


def test_endpoints_that_start_at_once_load_once_and_give_the_answers_from_memory(
    place: Place, redis: RedisServer
) -> None:
    in_memory, *in_redis = place.service(), service_of(place, redis), service_of(place, redis)
    with ThreadPoolExecutor() as pool:
        list(pool.map(Service.refresh, in_redis))
    [prefix] = snapshots(redis)
    assert prefix.startswith(b"antm2c:demo:2023-07-20:")
    assert not redis.client.exists(LOCK)
    clients = []
    for service in (in_memory, *in_redis):
        service.refresh()
        assert service.problems == []
        clients.append(TestClient(create_app(service)))
    for user in [*USERS.to_pylist(), "never seen"]:
        expected, *found = (client.post("/score", json=asked(user)).json() for client in clients)
        assert expected["features_of"] == "2023-07-20"
        assert found == [expected] * 2


def test_newer_features_take_their_place_while_requests_are_answered(place: Place, redis: RedisServer) -> None:
    service, client = ready(place, redis)
    [old] = snapshots(redis)
    begun = Event()

    def ask_until_it_is_newer() -> list[tuple[int, str]]:
        answers: list[tuple[int, str]] = []
        while len(answers) < 5_000 and (200, "2023-07-21") not in answers:
            answer = client.post("/score", json=asked())
            answers.append((answer.status_code, answer.json().get("features_of")))
            begun.set()
        return answers

    with ThreadPoolExecutor() as pool:
        answers = pool.submit(ask_until_it_is_newer)
        assert begun.wait(30)
        publish_served_features(place.catalog, "2023-07-21", USERS, ITEMS, pairs=100, seed=8)
        service.refresh()
    seen = answers.result()
    assert sorted(set(seen)) == [(200, "2023-07-20"), (200, "2023-07-21")]
    assert seen == sorted(seen)
    assert {0 < redis.client.ttl(key) <= OLD_SECONDS for key in redis.client.keys(old + b"*")} == {True}
    [new] = snapshots(redis) - {old}
    assert {redis.client.ttl(key) for key in [CURRENT, *redis.client.keys(new + b"*")]} == {-1}


def test_a_killed_loader_leaves_the_old_features_in_use_and_its_own_expire(place: Place, redis: RedisServer) -> None:
    service, client = ready(place, redis)
    [old] = snapshots(redis)
    publish_served_features(place.catalog, "2023-07-21", USERS, ITEMS, pairs=100, seed=8)
    settings = {"ANTM2C_WAREHOUSE": place.catalog.storage.root, "ANTM2C_SERVING_STORE": redis.url}
    environment = {**os.environ, **settings, "PYTHONPATH": str(REPOSITORY)}
    killed = subprocess.run([sys.executable, "-c", _KILLED_BEFORE_THE_SWAP], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    [unfinished] = snapshots(redis) - {old}
    assert all(redis.client.ttl(key) > 0 for key in [LOCK, *redis.client.keys(unfinished + b"*")])
    service.refresh()
    assert service.problems == ["the features of 2023-07-21 are being loaded into Redis by another process"]
    assert client.post("/score", json=asked()).json()["features_of"] == "2023-07-20"
    redis.client.delete(LOCK)  # as if its time had passed
    load_newest(place.catalog, RedisConnection(redis.url))
    service.refresh()
    assert client.post("/score", json=asked()).json()["features_of"] == "2023-07-21"


def test_all_parts_of_a_snapshot_stay_while_one_of_them_is_written(
    place: Place, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_each_command(monkeypatch, lambda: [redis.client.expire(key, 5) for key in redis.client.keys("*:2023*")])
    found, _ = newest_snapshot(place.catalog)
    stored = RedisSnapshots(RedisConnection(redis.url), "demo").write(found, load_snapshot(place.catalog, found))
    assert [redis.client.ttl(key) > 5 for key in stored.keys] == [True] * 3


@pytest.mark.parametrize("part", ["users", "pairs"])  # the first one is missing at the end, the last one has some rows
def test_features_of_which_redis_has_lost_a_part_do_not_answer(
    place: Place, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    before_each_command(monkeypatch, lambda: [redis.client.delete(key) for key in redis.client.keys(f"*:{part}")])
    with pytest.raises(ServingError, match=r"has lost a part of the features of 2023-07-20 .* load again"):
        load_newest(place.catalog, RedisConnection(redis.url))
    assert not redis.client.exists(CURRENT)


def before_each_command(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen before each command of a loader."""
    execute = Pipeline.execute

    def executed(pipeline: Pipeline) -> list:
        happens()
        return execute(pipeline)

    monkeypatch.setattr(Pipeline, "execute", executed)


def test_without_redis_there_is_a_sentence_and_afterwards_answers_again(place: Place, redis: RedisServer) -> None:
    service, client = ready(place, redis)
    expected = client.post("/score", json=asked()).json()
    redis.kill()
    try:
        service.refresh()
        for answer in (client.post("/score", json=asked()), client.get("/health")):
            assert answer.status_code == 503
            assert f"Redis at redis://127.0.0.1:{redis.port}/0 cannot be used (" in answer.json()["error"]
            assert "geheim" not in answer.text
    finally:
        redis.start()
    answer = client.post("/score", json=asked())
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("the features of 2023-07-20 are no longer in Redis")
    service.refresh()
    assert (client.post("/score", json=asked()).json(), service.problems) == (expected, [])


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://:geheim@localhost/0", "the store is not an address of Redis: write it as redis://"),
        ("redis://:geheim@localhost/zero", "the store is not an address of Redis"),
        ("redis://:gehe/im@localhost:6379/0", "the store is not an address of Redis"),
        ("redis://:geheim@localhost:1/0", "Redis at redis://localhost:1/0 cannot be used (Error 111 connecting"),
    ],
)
def test_a_wrong_address_is_told_at_the_start_without_its_password(url: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--warehouse", str(tmp_path), "--store", url])
    assert sentence in str(ended.value)
    assert "gehe" not in str(ended.value)


def test_a_wrong_password_is_told_at_the_start(redis: RedisServer, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot be used"):
        main(["--warehouse", str(tmp_path), "--store", redis.url.replace("geheim", "other")])


@pytest.mark.parametrize("option", [("--features-of", "2023-07-20"), ("--look-every", "301")])
def test_options_that_do_not_go_with_redis_are_refused(
    option: tuple[str, str], redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTM2C_SERVING_STORE", redis.url)
    monkeypatch.setattr(uvicorn.Server, "run", pytest.fail)
    with pytest.raises(SystemExit, match="Redis"):
        main(["--warehouse", str(tmp_path), *option])


def test_a_model_that_reads_histories_is_refused(place: Place, redis: RedisServer) -> None:
    source = RedisSource(place.catalog, redis.url)
    with pytest.raises(ServingError, match="last impressions of users, which are not kept in Redis"):
        source.newest(None, with_history=True)
