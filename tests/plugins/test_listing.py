import shutil
from pathlib import Path

from plugins.board.listing import Listing, RunFolders
from tests.plugins.conftest import MakeRun


def test_runs_are_found_among_other_things(make_run: MakeRun, artifacts: Path) -> None:
    run = make_run("mmoe")
    (artifacts / ".staging" / "tmp1").mkdir(parents=True)
    (artifacts / "artifacts_dnn_run_20231101-999999").write_text("a file, no folder")
    assert list(RunFolders(artifacts).listing().runs) == [run.name]


def test_a_link_to_itself_and_a_number_beyond_all_bounds_hide_no_other_run(make_run: MakeRun, artifacts: Path) -> None:
    sound, absurd = make_run("dnn"), make_run("mmoe", number=1)
    metrics = (absurd / "val_metrics.json").read_text()
    (absurd / "val_metrics.json").write_text(metrics.replace('"auc": 0.71', f'"auc": {10**400}'))
    loop = artifacts / "artifacts_ple_run_20231101-000009"
    loop.symlink_to(loop)
    listing = RunFolders(artifacts).listing()
    assert set(listing.runs) == {sound.name}
    assert set(listing.broken) == {absurd.name}


def test_without_runs_or_without_a_folder_the_listing_is_empty(artifacts: Path) -> None:
    assert RunFolders(artifacts).listing() == RunFolders(artifacts / "absent").listing() == Listing()


def test_a_run_is_read_once_and_one_that_came_since_is_seen(make_run: MakeRun, artifacts: Path) -> None:
    first = make_run("dnn")
    folders = RunFolders(artifacts)
    before = folders.listing().runs[first.name]
    (first / "val_metrics.json").write_text("no longer looked at")
    second = make_run("mmoe", number=1)
    after = folders.listing()
    assert after.runs[first.name] is before
    assert set(after.runs) == {first.name, second.name}


def test_a_run_that_was_removed_is_gone(make_run: MakeRun, artifacts: Path) -> None:
    run = make_run()
    folders = RunFolders(artifacts)
    folders.listing()
    shutil.rmtree(run)
    assert folders.listing() == Listing()


def test_a_broken_run_is_listed_beside_the_others_until_it_is_whole(make_run: MakeRun, artifacts: Path) -> None:
    sound, broken = make_run("dnn"), make_run("mmoe", number=1)
    content = (broken / "val_metrics.json").read_text()
    (broken / "val_metrics.json").write_text(content[:40])
    folders = RunFolders(artifacts)
    listing = folders.listing()
    assert list(listing.runs) == [sound.name]
    assert list(listing.broken) == [broken.name]
    (broken / "val_metrics.json").write_text(content)
    assert set(folders.listing().runs) == {sound.name, broken.name}
