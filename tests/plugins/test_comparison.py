from pathlib import Path

import pytest

from plugins.board.comparison import side_by_side
from plugins.board.listing import Listing, RunFolders
from tests.plugins.conftest import MakeRun


@pytest.fixture
def listing(make_run: MakeRun, artifacts: Path) -> Listing:
    make_run("dnn", 0, as_of="2023-07-22", auc=0.60)
    make_run("dnn", 1, as_of="2023-07-23", auc=0.61)
    make_run("dnn", 2, as_of="2023-07-23", auc=0.62)
    make_run("mmoe", 3, as_of="2023-07-23", auc=0.63)
    make_run("ple", 4, dataset="10k", as_of="2023-07-20", auc=0.64)
    return RunFolders(artifacts).listing()


def test_the_newest_date_of_a_dataset_stands_side_by_side_newest_run_first(listing: Listing) -> None:
    shown = side_by_side(listing, "demo", None)
    assert shown["as_of"] == "2023-07-23"
    assert [(run["model"], run["auc"]) for run in shown["runs"]] == [("mmoe", 0.63), ("dnn", 0.62), ("dnn", 0.61)]


def test_what_there_is_to_choose_from(listing: Listing) -> None:
    shown = side_by_side(listing, "demo", "2023-07-22")
    assert shown["datasets"] == ["10k", "demo"]
    assert shown["dates"] == ["2023-07-23", "2023-07-22"]
    assert shown["models"] == ["dnn", "mmoe"]
    assert [run["auc"] for run in shown["runs"]] == [0.60]


def test_history_takes_the_newest_run_of_each_model_and_date(listing: Listing) -> None:
    history = side_by_side(listing, "demo", None)["history"]
    assert [(point["as_of"], point["model"], point["auc"]) for point in history] == [
        ("2023-07-22", "dnn", 0.60),
        ("2023-07-23", "dnn", 0.62),
        ("2023-07-23", "mmoe", 0.63),
    ]


def test_without_a_choice_the_dataset_is_that_of_the_newest_run(listing: Listing) -> None:
    assert side_by_side(listing, None, None)["dataset"] == "10k"
    assert side_by_side(listing, None, None, own="no_runs_yet")["dataset"] == "10k"


def test_without_a_choice_airflows_own_dataset_comes_first(listing: Listing) -> None:
    assert side_by_side(listing, None, None, own="demo")["dataset"] == "demo"
    assert side_by_side(listing, "10k", None, own="demo")["dataset"] == "10k"


def test_an_opened_run_chooses_its_dataset_and_date(listing: Listing) -> None:
    opened = next(run for run in listing.runs.values() if run.as_of == "2023-07-22")
    shown = side_by_side(listing, None, None, opened)
    assert (shown["dataset"], shown["as_of"]) == ("demo", "2023-07-22")


def test_without_runs_there_is_nothing_to_choose_from() -> None:
    shown = side_by_side(Listing(), None, None)
    assert shown["datasets"] == shown["dates"] == shown["runs"] == shown["history"] == []
