"""Commands of this project in processes of their own."""

from pathlib import Path

import pytest

from serving.errors import ServingError
from serving.own_process import run_apart
from warehouse.catalog import Catalog


def test_the_child_finds_this_project_the_dataset_and_the_callers_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "teller.py").write_text(
        "import sys\nfrom warehouse.settings import read_settings\nsys.exit(f'error: {read_settings().dataset}')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(ServingError, match=r"^it failed: shop$"):
        run_apart(["teller"], Catalog(str(tmp_path), "shop"), {}, "it failed")
