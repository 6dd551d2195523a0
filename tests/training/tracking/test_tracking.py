"""Runs in MLflow's own database, read back by MLflow's own client."""

import csv
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from mlflow import MlflowClient

from local.processes.ports import free_ports
from local.processes.server import Server
from tests.training.conftest import Published, command, read_json
from training.checksums import write_checksums
from training.cli import main
from training.errors import TrackingError, TrainingError
from training.tracking.champion import champion_of
from training.tracking.client import may_hold_runs, tracking
from warehouse.settings import read_settings


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def track(uri: str, *folders: Path) -> dict[str, str]:
    return main(["track", "--tracking-uri", uri, "--artifacts", *map(str, folders)])["tracked"]


def promote(uri: str, folder: Path, *more: str) -> dict[str, str]:
    return main(["promote", "--tracking-uri", uri, "--artifacts", str(folder), *more])["champion"]


def test_a_run_is_tracked_with_its_parameters_its_metrics_by_segment_and_its_files(
    finished: tuple[Path, dict], tracking_uri: str, client: MlflowClient
) -> None:
    folder, summary = finished
    run = client.get_run(track(tracking_uri, folder)[folder.name])
    assert run.info.status == "FINISHED"
    assert run.info.run_name == folder.name.removeprefix("artifacts_")
    config = read_json(folder / "dnn_config.json")
    window = config["window"]
    expected = {
        "model": "dnn",
        "as_of": config["as_of"],
        "window.train": f"{window['train'][0]} to {window['train'][-1]}",
        "loop_settings.epochs": "3",
        "model_settings.dropout": str(config["model_settings"]["dropout"]),
    }
    assert run.data.params.items() >= expected.items()
    assert run.data.metrics["auc"] == summary["auc"]
    with (folder / "cold_report_long.csv").open() as lines:
        for line in csv.DictReader(lines):
            path = "/".join(filter(None, (line["segment"], line["scene"], line["user_level"], line["item_level"])))
            name = "auc" if line["segment"] == "overall" else f"auc/{path}"
            assert run.data.metrics.get(name) == (float(line["auc"]) if line["auc"] else None)
    course = client.get_metric_history(run.info.run_id, "epoch/val_logloss")
    assert [(m.step, m.value) for m in course] == [(e["number"], e["val_logloss"]) for e in config["course"]["epochs"]]
    kept = {Path(file.path).name for file in client.list_artifacts(run.info.run_id)}
    assert kept == {path.name for path in folder.iterdir()} | {"model"}


def test_the_page_of_a_run_begins_with_its_main_figures(
    own_published: Published, tracking_uri: str, client: MlflowClient, tmp_path: Path
) -> None:
    notes = "Tried | with **more** experts\nand 中文"
    summary = main(own_published.arguments(tmp_path / "runs", "--notes", notes))
    folder = Path(summary["artifacts"])
    data = client.get_run(track(tracking_uri, folder)[folder.name]).data
    groups = sorted({name.partition("/")[0] for name in data.metrics if "/" in name})
    first = {name.partition("/")[2] for name in data.metrics if name.startswith(f"{groups[0]}/")}
    assert first == {"auc", "auc_low", "auc_high", "logloss", "share"}
    assert all(data.metrics[f"{groups[0]}/{name}"] == summary[name] for name in first)
    heads, _, cells, blank, *rest = data.tags["mlflow.note.content"].split("\n")
    table = dict(zip(heads.split(" | "), cells.split(" | "), strict=True))
    assert table == {
        "| AUC (95% interval)": "| {auc:.4f} ({auc_low:.4f} to {auc_high:.4f})".format(**summary),
        "Log loss": f"{summary['logloss']:.4f}",
        "Rows": "200",
        "As of": summary["as_of"],
        "Epoch kept": f"{summary['best_epoch']} of 3",
        "Share of the best reachable AUC above 0.5 |": f"{summary['share']:.1%} |",
    }
    assert (blank, "\n".join(rest)) == ("", notes)


def test_tracking_a_run_again_changes_nothing(
    finished: tuple[Path, dict], tracking_uri: str, client: MlflowClient
) -> None:
    first = track(tracking_uri, finished[0])
    assert track(tracking_uri, finished[0]) == first
    experiment = client.get_experiment_by_name("antm2c_demo")
    assert len(client.search_runs([experiment.experiment_id])) == 1


def test_interrupted_tracking_is_completed_by_tracking_again(
    finished: tuple[Path, dict], tracking_uri: str, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifacts", no_space)
        with pytest.raises(TrackingError, match="No space left on device"):
            track(tracking_uri, finished[0])
    run = client.get_run(track(tracking_uri, finished[0])[finished[0].name])
    assert run.info.status == "FINISHED"
    assert len(client.search_runs([run.info.experiment_id])) == 1
    assert client.list_artifacts(run.info.run_id)


def test_a_server_that_does_not_answer_and_a_folder_that_is_no_run_are_named(
    finished: tuple[Path, dict], tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"MLflow failed \(.*MLFLOW_TRACKING_URI") as failure:
        track("http://someone:secret@127.0.0.1:1", finished[0])
    assert "secret" not in str(failure.value)
    with pytest.raises(TrainingError, match="is not the folder of a run"):
        track(tracking_uri, tmp_path)


def test_promoting_moves_the_alias_and_keeps_earlier_champions_as_versions(
    finished: tuple[Path, dict], finished_content: tuple[Path, dict], tracking_uri: str, client: MlflowClient
) -> None:
    first, second = finished[0], finished_content[0]
    assert champion_of(tracking_uri, "demo") is None
    assert promote(tracking_uri, first, "--instead-of", "none")["version"] == "1"
    assert promote(tracking_uri, first, "--instead-of", "none")["version"] == "1"  # as a retry asks again
    with pytest.raises(TrainingError, match="the champion is version 1 now, not none"):
        promote(tracking_uri, second, "--instead-of", "none")
    assert promote(tracking_uri, second, "--instead-of", "1")["version"] == "2"
    champion = champion_of(tracking_uri, "demo")
    assert champion is not None
    assert (champion.run, champion.version) == (second.name, "2")
    assert str(client.get_registered_model("antm2c_demo").aliases["champion"]) == "2"
    assert promote(tracking_uri, first)["version"] == "1"  # by hand, whoever is the champion
    kept = client.search_model_versions("name = 'antm2c_demo'")
    assert sorted(version.tags["antm2c.run"] for version in kept) == sorted([first.name, second.name])


def test_namesakes_in_other_folders_are_other_runs(
    finished: tuple[Path, dict], tracking_uri: str, tmp_path: Path
) -> None:
    namesake = tmp_path / finished[0].name
    shutil.copytree(finished[0], namesake)
    config = read_json(namesake / "dnn_config.json")
    (namesake / "dnn_config.json").write_text(json.dumps({**config, "notes": "somebody else's"}))
    write_checksums(namesake)
    assert track(tracking_uri, finished[0]) != track(tracking_uri, namesake)
    promote(tracking_uri, finished[0])
    assert promote(tracking_uri, namesake)["version"] == "2"


@pytest.mark.parametrize(
    ("file", "spoiled"),
    [
        ("val_metrics.json", '{"gauc": 1.0}'),
        ("cold_report_long.csv", ""),
    ],
)
def test_a_damaged_folder_is_named_and_nothing_of_it_is_tracked(
    finished: tuple[Path, dict], tracking_uri: str, client: MlflowClient, tmp_path: Path, file: str, spoiled: str
) -> None:
    damaged = tmp_path / finished[0].name
    shutil.copytree(finished[0], damaged)
    (damaged / file).write_text(spoiled)
    with pytest.raises(TrainingError, match=f"{file} is missing or changed"):
        track(tracking_uri, damaged)
    assert client.search_runs([e.experiment_id for e in client.search_experiments()]) == []


def test_a_run_that_cannot_be_loaded_is_not_promoted(
    finished: tuple[Path, dict], tracking_uri: str, tmp_path: Path
) -> None:
    damaged = tmp_path / finished[0].name
    shutil.copytree(finished[0], damaged)
    (damaged / "dnn_state.pt").unlink()
    with pytest.raises(TrainingError, match=r"dnn_state\.pt is missing or changed"):
        promote(tracking_uri, damaged)
    assert champion_of(tracking_uri, "demo") is None


def test_several_at_once_track_a_run_once(finished: tuple[Path, dict], tracking_uri: str, client: MlflowClient) -> None:
    arguments = ["track", "--tracking-uri", tracking_uri, "--artifacts", str(finished[0])]
    at_once = [command(arguments) for _ in range(2)]
    assert [process.wait() for process in at_once] == [0, 0]
    for process in at_once:
        process.communicate()
    assert len(client.search_runs([client.get_experiment_by_name("antm2c_demo").experiment_id])) == 1


@pytest.fixture(scope="module")
def server(new_tracking_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real tracking server."""
    folder, (port,) = tmp_path_factory.mktemp("server"), free_ports(1)
    shutil.copy(new_tracking_database, folder)
    options = ("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files"))
    command = [sys.executable, "-m", "mlflow", "server", *options, "--port", str(port), "--workers", "1"]
    running = Server(command, folder / "server.log", {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
    running.start(lambda: answers(port))
    yield f"http://127.0.0.1:{port}"
    running.kill()  # asked to end, it would take ten seconds


def answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health") as reply:
        return reply.status == 200
    return False


@pytest.fixture(params=["a database", "a server"])
def shared_uri(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("tracking_uri" if request.param == "a database" else "server")


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that look at MLflow wait for each other before they change it, for a second at most."""

    def met_after(look: Callable[..., Any]) -> Callable[..., Any]:
        meeting = threading.Barrier(2)

        def looked(*arguments: Any, **options: Any) -> Any:
            seen = look(*arguments, **options)
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=1)
            return seen

        return looked

    monkeypatch.setattr("training.commands.promote.champion_of", met_after(champion_of))
    monkeypatch.setattr(MlflowClient, "search_runs", met_after(MlflowClient.search_runs))


@pytest.mark.usefixtures("met")
def test_of_two_promotions_at_once_one_passes_and_a_run_is_tracked_once(
    finished: tuple[Path, dict], published: Published, shared_uri: str, tmp_path: Path
) -> None:
    other = Path(main(published.arguments(tmp_path, "--seed", "5", "--epochs", "1"))["artifacts"])
    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(lambda _: track(shared_uri, finished[0]), range(2)))
        attempts = [threads.submit(promote, shared_uri, run, "--instead-of", "none") for run in (finished[0], other)]
    assert runs[0] == runs[1]
    refused, passed = sorted(attempts, key=lambda attempt: attempt.exception() is None)
    assert "the champion is version 1 now, not none" in str(refused.exception())
    champion = champion_of(shared_uri, "demo")
    assert champion is not None
    assert champion.run == passed.result()["run"]
    client = MlflowClient(tracking_uri=shared_uri, registry_uri=shared_uri)
    assert [model.name for model in client.search_registered_models()] == ["antm2c_demo"], "the lock is gone"
    assert len(client.search_model_versions("name = 'antm2c_demo'")) == 1
    assert len(client.search_runs([client.get_experiment_by_name("antm2c_demo").experiment_id])) == 2


def test_a_lock_that_was_left_on_a_server_is_removed_after_a_while(
    finished: tuple[Path, dict], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(tracking_uri=server, registry_uri=server)
    client.create_registered_model("antm2c.lock", tags={"antm2c.owner": "one that was killed"})
    monkeypatch.setattr("training.tracking.lock._ABANDONED_AFTER", 1.0)
    assert track(server, finished[0])
    assert "antm2c.lock" not in [model.name for model in client.search_registered_models()]


def test_a_database_that_cannot_be_opened_is_told_at_once(finished: tuple[Path, dict], tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="unable to open database file"):
        track(f"sqlite:///{tmp_path}", finished[0])


@pytest.mark.parametrize("name", ["what?1", "100%25 sure", "a%20b", "我的 文件"])
def test_a_folder_of_any_name_keeps_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("ANTM2C_ARTIFACTS", str(tmp_path / name / "artifacts"))
    uri = read_settings().tracking_uri
    with tracking(uri):
        assert may_hold_runs(uri)
    assert (tmp_path / name / "mlflow" / "mlflow.db").exists()


def test_a_champion_without_a_run_is_named(tracking_uri: str, client: MlflowClient, tmp_path: Path) -> None:
    client.create_registered_model("antm2c_demo")
    version = client.create_model_version("antm2c_demo", tmp_path.as_uri()).version
    client.set_registered_model_alias("antm2c_demo", "champion", version)
    with pytest.raises(TrainingError, match="version 1 of antm2c_demo has the alias champion but belongs to no run"):
        champion_of(tracking_uri, "demo")


def test_asking_for_the_champion_makes_no_database(tmp_path: Path) -> None:
    assert champion_of(f"sqlite:///{tmp_path}/mlflow/mlflow.db", "demo") is None
    assert list(tmp_path.iterdir()) == []


def test_the_shell_command_makes_the_database_and_says_the_run(finished: tuple[Path, dict], tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/new folder/mlflow.db"
    ended = command(["track", "--tracking-uri", uri, "--artifacts", str(finished[0])])
    said, errors = ended.communicate()
    assert (ended.returncode, errors) == (0, "")
    assert f"{finished[0].name} is MLflow's run" in said
    with tracking(uri) as client:
        assert client.get_experiment_by_name("antm2c_demo").artifact_location.endswith("/new%20folder/artifacts")
    shutil.rmtree(tmp_path / "new folder")
