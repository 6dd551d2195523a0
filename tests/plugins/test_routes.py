import re
from pathlib import Path
from unittest.mock import Mock

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from orchestration.board_address import PAGE, URL_PREFIX, address_of
from plugins.board import routes
from plugins.board.routes import board_app
from plugins.board.static_files import ASSETS, page
from tests.plugins.conftest import MakeRun, settings
from tests.warehouse.conftest import receive
from training.errors import TrackingError
from training.tracking.champion import Champion
from warehouse.catalog import Catalog
from warehouse.tables import LOGS

SECRET = "out of reach"


def nobody() -> None:
    raise HTTPException(401, "Not authenticated")


def served(artifacts: Path, signed_in=lambda: "somebody") -> TestClient:
    app = FastAPI()
    app.mount(URL_PREFIX, board_app(settings(artifacts), signed_in, at_work=list))
    return TestClient(app, base_url=f"http://testserver{URL_PREFIX}/")


@pytest.fixture
def browser(artifacts: Path) -> TestClient:
    return served(artifacts)


def test_nothing_is_served_to_nobody(make_run: MakeRun, artifacts: Path) -> None:
    run = make_run().name
    paths = [
        PAGE.removeprefix(f"{URL_PREFIX}/"),
        *(f"assets/{name}" for name in ASSETS),
        *(
            "data/runs",
            f"data/segments?run={run}",
            "data/champion?dataset=demo",
            f"data/leads?dataset=demo&run={run}",
            "data/freshness",
            "data/watch",
            f"reports/{run}",
        ),
    ]
    known, unknown = served(artifacts), served(artifacts, signed_in=nobody)
    assert {path: known.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
    assert {path: unknown.get(path).status_code for path in paths} == dict.fromkeys(paths, 401)
    assert known.get("docs").status_code == known.get("openapi.json").status_code == 404


def test_the_champion_is_the_registrys(make_run: MakeRun, browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("mmoe").name
    champions = {
        "demo": Champion("3", run, "", "a"),
        "gone": Champion("1", "artifacts_dnn_run_20230701-000000", "", "b"),
    }
    monkeypatch.setattr(routes, "champion_of", Mock(side_effect=lambda _, dataset: champions.get(dataset)))
    as_of = {"model": "mmoe", "as_of": "2023-07-23"}
    assert browser.get("data/champion?dataset=demo").json() == {"version": "3", "run": run, **as_of}
    assert browser.get("data/champion?dataset=gone").json()["model"] is None
    assert browser.get("data/champion?dataset=other").json() is None


def test_a_registry_that_does_not_answer_is_told(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    error = TrackingError("MLflow failed (no route to host)")
    monkeypatch.setattr(routes, "champion_of", Mock(side_effect=error))
    answer = browser.get("data/champion?dataset=demo")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "MLflow failed (no route to host)."


def test_the_runs_and_their_segments(make_run: MakeRun, browser: TestClient) -> None:
    run = make_run("mmoe_content", alpha_by={"user_level": {"zero": 0.4}}).name
    runs = browser.get("data/runs").json()
    assert [line["name"] for line in runs["runs"]] == [run]
    assert runs["broken"] == []
    (detail,) = browser.get("data/segments", params={"run": [run]}).json()
    assert detail["segments"][0]["auc"] == runs["runs"][0]["auc"] == 0.71
    assert detail["segments"][0]["lean"] == pytest.approx((0.67 - 0.5) / 0.2)
    assert detail["alpha_by"] == {"user_level": {"zero": 0.4}}


def test_a_broken_run_is_named_beside_the_sound_ones(make_run: MakeRun, browser: TestClient) -> None:
    sound, broken = make_run("dnn"), make_run("mmoe", number=1)
    (broken / "cold_report_long.csv").unlink()
    runs = browser.get("data/runs").json()
    assert [line["name"] for line in runs["runs"]] == [sound.name]
    (sentence,) = runs["broken"]
    assert broken.name in sentence
    assert browser.get("data/segments", params={"run": broken.name}).json()["detail"] == sentence


def test_without_runs_the_page_still_has_its_data(browser: TestClient) -> None:
    runs = browser.get("data/runs").json()
    assert runs["datasets"] == runs["runs"] == runs["broken"] == []
    assert browser.get("data/freshness").json()["dates"] == []


@pytest.mark.parametrize("path", ["data/runs", "data/segments"])
def test_a_run_that_is_not_there_is_not_found(make_run: MakeRun, browser: TestClient, path: str) -> None:
    make_run()
    answer = browser.get(path, params={"run": "artifacts_dnn_run_20200101-000000"})
    assert answer.status_code == 404
    assert "artifacts_dnn_run_20200101-000000" in answer.json()["detail"]


@pytest.mark.parametrize(
    "name",
    [
        *("..", "../outside", "..%2foutside", "%2e%2e%2foutside", "..%252foutside", "..%5coutside", "outside"),
        *("artifacts_dnn_run_20231101-000000%2f..%2f..%2foutside", "artifacts_dnn_run_20231101-000000%2freport.html"),
        *("%2fetc", "artifacts_dnn_run_20231101-000000%00", ".staging"),
    ],
)
def test_no_path_from_outside_reaches_a_file(make_run: MakeRun, artifacts: Path, name: str) -> None:
    make_run()
    for folder in (artifacts.parent / "outside", artifacts / "outside", artifacts / ".staging"):
        folder.mkdir()
        (folder / "report.html").write_text(SECRET)
        (folder / "val_metrics.json").write_text(SECRET)
    browser = served(artifacts)
    for path in (f"reports/{name}", f"reports/{name}/report.html", f"assets/{name}/report.html", f"assets/{name}"):
        answer = browser.get(path)
        assert answer.status_code == 404, path
        assert SECRET not in answer.text
    for path in (f"data/segments?run={name}", f"data/leads?dataset=demo&run={name}"):
        assert browser.get(path).status_code == 404


def test_a_report_can_show_itself_and_nothing_else(make_run: MakeRun, browser: TestClient) -> None:
    answer = browser.get(f"reports/{make_run('ple').name}")
    assert answer.text == "<!DOCTYPE html><title>ple</title>"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow" not in policy


def test_the_page_loads_nothing_from_elsewhere(browser: TestClient) -> None:
    answer = browser.get("board")
    named = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert {path.split("?")[0] for path in named} == {"data:,", *(f"assets/{name}" for name in ASSETS)}
    for path in named[1:]:
        assert browser.get(path).status_code == 200, path
    assert "default-src 'none'; script-src 'self'" in answer.headers["Content-Security-Policy"]
    own = [ASSETS[name].content.decode() for name in ASSETS if name != "plotly.min.js"]
    assert not re.search(r"https?://|innerHTML|insertAdjacentHTML", "".join([page(), *own]))


def test_files_are_the_same_with_and_without_compression(browser: TestClient) -> None:
    for name, asset in ASSETS.items():
        plain = browser.get(f"assets/{name}", headers={"Accept-Encoding": "identity"})
        packed = browser.get(f"assets/{name}", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert plain.content == packed.content == asset.content


@pytest.mark.parametrize("dataset", ["../etc", "demo/../..", "a b"])
def test_a_dataset_that_is_no_name_is_refused_with_a_sentence(browser: TestClient, dataset: str) -> None:
    answer = browser.get("data/freshness", params={"dataset": dataset})
    assert answer.status_code == 503
    assert "letters, digits and underscores" in answer.json()["detail"]


def test_a_broken_manifest_is_a_sentence_and_not_a_crash(artifacts: Path) -> None:
    catalog = Catalog((artifacts.parent / "warehouse").as_uri(), "demo")
    receive(catalog, "2023-07-20")
    catalog.storage.write_text(f"{catalog.path(LOGS, '2023-07-20')}/_manifest.json", "{")
    answer = served(artifacts).get("data/freshness")
    assert answer.status_code == 503
    assert "_manifest.json" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("base_url", "below"), [("", ""), ("http://host:8080/", ""), ("https://host/airflow", "/airflow")]
)
def test_the_address_of_a_run_is_below_airflows_own(base_url: str, below: str) -> None:
    address = address_of("/var/artifacts/artifacts_dnn_run_20231101-000000", base_url)
    assert address == f"{below}/plugin/cold-start-board{below}/antm2c/board?run=artifacts_dnn_run_20231101-000000"
