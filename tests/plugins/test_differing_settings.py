from pathlib import Path
from typing import Any

from plugins.board.comparison import side_by_side
from plugins.board.listing import RunFolders
from tests.plugins.conftest import MakeRun


def config(seed: int, rate: float = 0.001, **more: Any) -> dict[str, Any]:
    return {"loop_settings": {"epochs": 8, "learning_rate": rate, "seed": seed}, **more}


def test_runs_of_a_model_are_told_apart_by_seed_settings_and_notes(make_run: MakeRun, artifacts: Path) -> None:
    make_run("dnn", 0, config=config(7))
    make_run("dnn", 1, config=config(8))
    make_run("dnn", 2, config=config(7, 0.003, notes="a higher rate", code_revision="0123456789" * 4))
    make_run("mmoe", 3, config=config(7))
    make_run("ple", 4)
    runs = side_by_side(RunFolders(artifacts).listing(), "demo", None)["runs"]
    assert [(run["settings"], run["notes"]) for run in reversed(runs)] == [
        (["seed 7", "learning rate 0.001", "code revision not set"], ""),
        (["seed 8", "learning rate 0.001", "code revision not set"], ""),
        (["seed 7", "learning rate 0.003", "code revision 0123456…"], "a higher rate"),
        (["seed 7"], ""),
        ([], ""),
    ]


def test_a_run_of_another_date_does_not_count(make_run: MakeRun, artifacts: Path) -> None:
    make_run("dnn", 0, config=config(7))
    make_run("dnn", 1, config=config(7, 0.003), as_of="2023-07-22")
    (run,) = side_by_side(RunFolders(artifacts).listing(), "demo", "2023-07-23")["runs"]
    assert run["settings"] == ["seed 7"]
