"""How the process that exports the champion is told where everything is."""

import subprocess
from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.models import ModelSource
from warehouse.catalog import Catalog

TRACKING = "postgresql://mlflow:secret@db/mlflow"


def test_a_folder_that_is_called_champion_is_not_the_champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "champion").mkdir()
    (tmp_path / "champion" / "model.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", "error: it was asked for")
    )
    with pytest.raises(ServingError, match="champion cannot be exported: it was asked for"):
        ModelSource("champion", Catalog(str(tmp_path), "shop"), TRACKING).load()


def test_the_export_looks_at_the_same_warehouse_and_its_command_line_shows_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = {}

    def run(command: list[str], env: dict[str, str], **_) -> subprocess.CompletedProcess:
        started.update(env, command=command)
        return subprocess.CompletedProcess(command, 1, "", "a warning\nerror: there is no champion")

    monkeypatch.setenv("ANTM2C_WAREHOUSE", "/elsewhere")
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ServingError, match="champion cannot be exported: there is no champion"):
        ModelSource("champion", Catalog(str(tmp_path), "shop"), TRACKING).load()
    assert started["ANTM2C_WAREHOUSE"] == tmp_path.as_uri()
    assert (started["ANTM2C_DATASET"], started["MLFLOW_TRACKING_URI"]) == ("shop", TRACKING)
    assert "secret" not in " ".join(started["command"])
