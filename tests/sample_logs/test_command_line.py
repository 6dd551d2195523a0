"""`python -m sample_logs` as a user types it."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sample_logs.__main__ import main
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import RAW, TRUTH

FEW = ("--rows", "30", "--days", "3", "--dataset", "test")


def refused(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()[-1]


def test_writes_raw_and_truth_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main([*FEW, "--warehouse", str(tmp_path), "--start-date", "2024-01-01"])
    catalog = Catalog(str(tmp_path), "test")
    assert catalog.dates(RAW) == catalog.dates(TRUTH) == ["2024-01-01", "2024-01-02", "2024-01-03"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"2024-01-0{day}: 10 rows" for day in (1, 2, 3)]
    assert lines[3].startswith("raw_test: 30 rows written in ")


def test_a_wrong_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTM2C_SCENES", "five")
    with pytest.raises(SystemExit) as stopped:
        main(FEW)
    assert stopped.value.code == "error: ANTM2C_SCENES is 'five'; set it to a whole number from 1 to 1000"


def test_a_rerun_says_that_nothing_changed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main([*FEW, "--warehouse", str(tmp_path)])
    capsys.readouterr()
    main([*FEW, "--warehouse", str(tmp_path)])
    assert capsys.readouterr().out.splitlines() == [
        *(f"2023-07-1{day}: unchanged" for day in (0, 1, 2)),
        "raw_test: 0 rows written; 3 of 3 dates unchanged",
    ]


def test_dates_of_other_logs_in_the_dataset_are_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    main([*FEW, "--warehouse", str(tmp_path)])
    main([*FEW, "--warehouse", str(tmp_path), "--days", "1"])
    assert "raw_test has 2 dates that are not from these logs: 2023-07-11 .. 2023-07-12" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rows", "5", "--days", "10"], "10 dates need at least 10 rows"),
        (["--rows", "-5"], "rows is -5"),
        (["--rows", "1e6"], "argument --rows"),
        (["--rows", "1000000000000000"], "seven digits"),
        (["--days", "0"], "days is 0"),
        (["--seed", "-1"], "seed is -1"),
        (["--start-date", "2023/7/10"], "write it like 2023-07-10"),
        (["--preset", "100m"], "invalid choice"),
        (["--dataset", "../x"], "letters, digits and underscores"),
        (["--warehouse", "nowhere://x"], "nowhere"),
        (["--sede", "7"], "unrecognized arguments"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], says: str
) -> None:
    assert says in refused(capsys, "--warehouse", str(tmp_path), *arguments)
    assert not list(tmp_path.iterdir())


def test_a_file_system_that_cannot_be_reached_ends_in_one_sentence() -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        place = f"hdfs://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(SystemExit, match=rf"^error: {place} cannot be reached \(Connection refused\); check host"):
            main([*FEW, "--warehouse", f"{place}/x"])


def test_a_shell_gets_a_sentence_and_status_1_where_writing_fails(tmp_path: Path) -> None:
    theirs = tmp_path / "raw_test" / "date=2023-07-10" / "a.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("x\n")
    ended = subprocess.run(
        [sys.executable, "-m", "sample_logs", *FEW, "--warehouse", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: ")
    assert "choose another --dataset" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
