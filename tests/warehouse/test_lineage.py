"""Each published partition and run is told to OpenLineage, if a transport is configured."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import Mock

import pytest
from openlineage.client import OpenLineageClient

from tests.warehouse.conftest import DAY, publish
from warehouse.catalog import Catalog
from warehouse.lineage import report_run
from warehouse.tables import DAILY_USER, LOGS

FILE_SYSTEMS = ("file",)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenLineage's client sets variables of its own."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.fixture
def events_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(path))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    return path


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None, dict[str, Any]]]]:
    """What a lineage service was sent: path, authorization and event."""
    requests: list[tuple[str, str | None, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "a-key")
        yield requests
        server.shutdown()


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def nominal(event: dict[str, Any]) -> tuple[str, str]:
    told = event["run"]["facets"]["nominalTime"]
    return told["nominalStartTime"], told["nominalEndTime"]


def test_partitions_are_told_with_what_they_were_computed_from(catalog: Catalog, events_file: Path) -> None:
    logs = [publish(catalog, LOGS, day, ["a", "b"]) for day in ("2023-07-19", DAY)]
    manifest = publish(catalog, DAILY_USER, DAY, ["a"], [(LOGS, "2023-07-19"), (LOGS, DAY), (LOGS, "2023-07-21")])
    event = read(events_file)[-1]
    root = catalog.storage.root.removeprefix("file://")
    assert event["eventType"] == "COMPLETE"
    assert event["eventTime"] == manifest.published_at
    assert event["job"] | {"facets": 0} == {"namespace": "antm2c", "name": "test.daily_user", "facets": 0}
    assert nominal(event) == ("2023-07-20T00:00:00+00:00", "2023-07-21T00:00:00+00:00")
    [source] = event["inputs"]  # the third date does not exist
    assert (source["namespace"], source["name"]) == ("file", f"{root}/logs_test")
    assert source["inputFacets"]["inputSubset"]["inputCondition"]["partitions"] == [
        {"dimensions": {"date": entry.date}, "identifier": entry.version} for entry in logs
    ]
    [output] = event["outputs"]
    assert (output["namespace"], output["name"]) == ("file", f"{root}/daily_user_test")
    assert output["facets"]["version"]["datasetVersion"] == manifest.version
    assert [[field["name"], field["type"]] for field in output["facets"]["schema"]["fields"]] == manifest.columns
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assert len({event["run"]["runId"] for event in read(events_file)}) == 3


def test_a_date_begins_in_the_zone_of_the_dataset(catalog: Catalog, events_file: Path) -> None:
    """In Berlin, the day has 25 hours when summer ends."""
    mapping = Path(catalog.mapping_path)
    mapping.parent.mkdir()
    mapping.write_text('[time]\nzone = "Europe/Berlin"')
    publish(catalog, LOGS, "2023-10-29", ["a"])
    report_run(catalog, "dnn", "/runs/1", DAY, [], "abc", "2023-11-01T01:02:03+00:00")
    partition, run = map(nominal, read(events_file))
    assert partition == ("2023-10-29T00:00:00+02:00", "2023-10-30T00:00:00+01:00")
    assert run == ("2023-07-20T00:00:00+02:00", "2023-07-21T00:00:00+02:00")


def test_a_table_has_its_whole_path_as_its_name(tmp_path: Path, events_file: Path) -> None:
    root = tmp_path / "a b#c?d"
    publish(Catalog(f"file://{root}", "test"), LOGS, DAY, ["a"])
    [output] = read(events_file)[0]["outputs"]
    assert (output["namespace"], output["name"]) == ("file", f"{root}/logs_test")


def test_a_lineage_service_receives_partitions_and_runs(
    catalog: Catalog, received: list[tuple[str, str | None, dict[str, Any]]]
) -> None:
    logs = publish(catalog, LOGS, DAY, ["a"])
    inputs = [catalog.input(LOGS, DAY)]
    report_run(catalog, "dnn", "/runs/artifacts_dnn_run_1", DAY, inputs, "abc", "2023-07-21T01:02:03+00:00")
    assert [(path, key) for path, key, _ in received] == [("/api/v1/lineage", "Bearer a-key")] * 2
    (_, _, first), (_, _, second) = received
    assert first["outputs"][0]["facets"]["version"]["datasetVersion"] == logs.version
    assert (second["job"]["name"], second["outputs"][0]["name"]) == ("test.train_dnn", "/runs/artifacts_dnn_run_1")
    assert second["inputs"][0]["name"] == first["outputs"][0]["name"]


def test_without_a_transport_nothing_is_sent(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "")  # as Docker Compose passes unset variables
    publish(catalog, LOGS, DAY, ["a"])
    assert capfd.readouterr() == ("", "")


def test_a_service_that_is_gone_is_named_and_the_partition_is_published(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
    closed = Mock()
    monkeypatch.setattr(OpenLineageClient, "close", closed)
    publish(catalog, LOGS, DAY, ["a"])
    assert catalog.dates(LOGS) == [DAY]
    closed.assert_called_once()
    assert f"logs {DAY} is published, but its lineage event was not sent: " in capsys.readouterr().err
