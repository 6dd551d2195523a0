"""The same settings give the same logs; what is there is left alone, what is broken is written again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sample_logs.logs import SampleLogs
from sample_logs.settings import PRESETS
from sample_logs.writing import STAMP_FILE, Writer
from tests.local_time import local_time
from tests.sample_logs.conftest import SMALL, Written, make
from warehouse.tables import RAW


def stamp(own: Written, date: str) -> Path:
    return Path(own.catalog.path(RAW, date)) / STAMP_FILE


def test_the_same_settings_give_the_same_bytes_in_any_time_zone(own: Written, tmp_path: Path) -> None:
    own.write()
    again = Written(tmp_path / "again", SMALL)
    with local_time("Asia/Shanghai"):
        again.write()
    first = {name: content for name, content in own.contents().items() if not name.startswith("again")}
    assert again.contents() == first


def test_another_seed_gives_other_bytes(own: Written, tmp_path: Path) -> None:
    own.write()
    other = Written(tmp_path / "other", replace(SMALL, seed=8))
    other.write()
    for date in SMALL.dates:
        assert other.raw_file(date).read_bytes() != own.raw_file(date).read_bytes()
        assert other.truth_file(date).read_bytes() != own.truth_file(date).read_bytes()


def test_deep_features_change_nothing_else() -> None:
    without, with_them = make(SMALL), make(replace(SMALL, deep_features=True))
    for name in ("user", "item", "seconds", "label", "probability"):
        assert (without.column(name) == with_them.column(name)).all()


def test_a_date_does_not_depend_on_the_dates_made_before_it() -> None:
    alone = next(SampleLogs(SMALL).blocks(2))
    assert (alone.label == make(SMALL).days[2][0].label).all()


def test_a_rerun_writes_nothing(own: Written) -> None:
    own.write()
    root = Path(own.catalog.storage.path())
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert own.write() == [0, 0, 0]
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_rerun_makes_no_population(own: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    own.write()
    monkeypatch.setattr("sample_logs.writing.SampleLogs", None)
    assert own.write() == [0, 0, 0]


@pytest.mark.parametrize("changed", [{"seed": 8}, {"item_tail": 1.4}, {"rows": 3_002}, {"deep_features": True}])
def test_other_settings_replace_every_date(own: Written, changed: dict) -> None:
    own.write()
    other = Written(Path(own.catalog.storage.path()), replace(SMALL, **changed))
    assert sum(other.write()) == other.settings.rows
    assert sum(len(other.raw(date)) for date in SMALL.dates) == other.settings.rows


def cut_off(*_: object) -> None:
    raise KeyboardInterrupt


def assert_written_again(own: Written, tmp_path: Path) -> None:
    assert sum(own.write()) == SMALL.rows
    whole = Written(tmp_path / "whole", SMALL)
    whole.write()
    assert {name: content for name, content in own.contents().items() if "whole" not in name} == whole.contents()


@pytest.mark.parametrize("step", ["raw_batch", "truth_batch"])
def test_a_date_that_was_cut_off_in_a_block_is_written_again(
    own: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(f"sample_logs.writing.{step}", cut_off)
        with pytest.raises(KeyboardInterrupt):
            own.write()
    assert_written_again(own, tmp_path)


@pytest.mark.parametrize("move", range(4))
def test_a_date_that_was_cut_off_before_a_file_took_its_name_is_written_again(
    own: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, move: int
) -> None:
    """The files: a stamp that says unfinished, the log, the truth, a stamp that says finished."""
    moved: list[str] = []

    def move_some(source: str, target: str) -> None:
        if len(moved) == move:
            raise KeyboardInterrupt
        moved.append(target)
        Path(source).rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(own.catalog.storage.filesystem, "mv", move_some)
        with pytest.raises(KeyboardInterrupt):
            own.write()
    assert_written_again(own, tmp_path)


def test_a_lost_file_is_written_again(own: Written) -> None:
    own.write()
    own.truth_file(SMALL.dates[1]).unlink()
    assert [rows > 0 for rows in own.write()] == [False, True, False]
    assert own.truth_file(SMALL.dates[1]).exists()


def test_a_damaged_stamp_is_written_again(own: Written) -> None:
    own.write()
    stamp(own, SMALL.dates[1]).write_text('{"version": 1, "comp')
    assert [rows > 0 for rows in own.write()] == [False, True, False]
    assert json.loads(stamp(own, SMALL.dates[1]).read_text())["complete"]


def test_logs_that_were_not_written_here_are_never_overwritten(own: Written) -> None:
    theirs = own.raw_file(SMALL.dates[1])
    theirs.parent.mkdir(parents=True)
    theirs.write_text("user_id,item_id,log_time,label,scene\n")
    with pytest.raises(FileExistsError, match="has logs that are not these sample logs"):
        own.write()
    assert theirs.read_text() == "user_id,item_id,log_time,label,scene\n"


def test_dates_of_other_logs_are_told(own: Written) -> None:
    own.write()
    shorter = Written(Path(own.catalog.storage.path()), PRESETS["10k"].resized(2_000, 2))
    shorter.write()
    assert Writer(shorter.catalog, shorter.settings).other_dates() == SMALL.dates[2:]


def test_readers_of_the_raw_folder_see_the_log_alone(own: Written) -> None:
    own.write()
    for date in SMALL.dates:
        assert [Path(entry["name"]) for entry in own.catalog.files(RAW, date)] == [own.raw_file(date)]
