"""What was changed, lost or cut in a folder is found, byte by byte."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from training.checksums import CHECKSUMS_FILE, changed_files, code_checksum, write_checksums
from training.errors import TrainingError
from training.runs.stored_run import require_intact


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    for name, content in (("one.npy", b"\0" * 99), ("below/我的 文件.json", b"{}"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
    write_checksums(tmp_path)
    return tmp_path


def test_sha256sum_reads_them(folder: Path) -> None:
    check = ["sha256sum", "--check", "--strict", CHECKSUMS_FILE]
    said = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert said.count(": OK") == 3


def test_any_other_byte_is_found(folder: Path) -> None:
    assert changed_files(folder) == []
    random = np.random.default_rng(5)
    whole = (folder / "one.npy").read_bytes()
    for at in random.choice(len(whole), 20, replace=False):
        (folder / "one.npy").write_bytes(whole[:at] + bytes([random.integers(1, 256)]) + whole[at + 1 :])
        assert changed_files(folder) == ["one.npy"]
    (folder / "one.npy").write_bytes(whole)
    assert changed_files(folder) == []


def test_what_is_gone_or_grown_is_found_and_what_is_new_is_not_minded(folder: Path) -> None:
    (folder / "below" / "我的 文件.json").unlink()
    (folder / "empty").write_bytes(b"\n")
    (folder / "my notes.txt").write_text("the best so far")
    assert changed_files(folder) == ["below/我的 文件.json", "empty"]
    with pytest.raises(TrainingError, match=r"below/我的 文件.json, empty are missing or changed"):
        require_intact(folder)


def test_an_edit_of_the_code_changes_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.settings.REPOSITORY", tmp_path)
    edited, seen = tmp_path / "training" / "models" / "dnn.py", set()
    edited.parent.mkdir(parents=True)
    for content in ("a = 1", "a = 2", "a = 1"):
        edited.write_text(content)
        seen.add(code_checksum())
    edited.rename(edited.with_name("mmoe.py"))
    (tmp_path / "training" / "notes.txt").write_text("no code")
    assert len(seen | {code_checksum()}) == 3


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"\n", b"nothing of the kind\n"])
def test_a_folder_without_checksums_is_not_intact(folder: Path, content: bytes | None) -> None:
    (folder / CHECKSUMS_FILE).unlink()
    if content is not None:
        (folder / CHECKSUMS_FILE).write_bytes(content)
    assert changed_files(folder) == [CHECKSUMS_FILE]
