"""How the process that exports the champion is told where everything is."""

import subprocess
from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.models import ModelSource
from warehouse.catalog import Catalog

TRACKING = "postgresql://mlflow:secret@db/mlflow"


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
