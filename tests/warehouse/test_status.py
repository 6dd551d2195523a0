"""`python -m warehouse status` as a user reads it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.warehouse.conftest import content, dates_from, publish, receive
from warehouse.__main__ import main
from warehouse.catalog import Catalog
from warehouse.publish import StagedPartition
from warehouse.settings import REPOSITORY
from warehouse.status import expected
from warehouse.tables import (
    CANDIDATE_FEATURES,
    CANDIDATES,
    DERIVED_TABLES,
    FEATURES_USER,
    LOGS,
    RAW,
    REJECTS,
    TILES_UI,
    TRAIN,
    VALID_CANDIDATES,
    WATCH,
)

DATES = dates_from("2023-07-10", 3)
PARTITIONS = sum(expected(table, day) for table in DERIVED_TABLES for day in DATES)


@pytest.fixture
def chain(local: Catalog) -> Catalog:
    """Three dates on which each table is computed from the one before it, and user features from the day before."""
    for number, day in enumerate(DATES):
        receive(local, day)
        with StagedPartition(local, LOGS, day) as staged:
            made = replace(content([], LOGS), rows=1234, checksum=day)
            staged.publish(made, [local.input(RAW, day)])
        with StagedPartition(local, REJECTS, day) as staged:
            made = replace(content([], REJECTS), rows=3, rejects={"malformed": 2, "bad_label": 1}, checksum=day)
            staged.publish(made, [local.input(RAW, day)])
        for table in DERIVED_TABLES[2:]:
            earlier = [(FEATURES_USER, DATES[number - 1])] if table is FEATURES_USER and number else []
            if expected(table, day):
                publish(local, table, day, [f"{table.folder}{day}"], [(LOGS, day), *earlier])
    return local


def status(catalog: Catalog, capsys: pytest.CaptureFixture) -> tuple[int, list[str]]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["status", "--warehouse", catalog.storage.root, "--dataset", catalog.dataset])
    said = capsys.readouterr()
    assert said.err == ""
    return stopped.value.code, said.out.splitlines()


def cells(lines: list[str]) -> dict[str, dict[str, str]]:
    """The table as it is seen: what stands below each title, date by date."""
    table = lines[: lines.index("")]
    titles = ["date", "valid rows", "rejected", *(table.folder for table in DERIVED_TABLES)]
    words = {line[:10]: line[10:].split() for line in table[1:]}
    return {day: dict(zip(titles[1:], found, strict=True)) for day, found in words.items()}


def test_a_whole_chain_is_fresh_and_ends_with_status_0(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    code, lines = status(chain, capsys)
    assert code == 0
    counts = f"{PARTITIONS} fresh, 0 stale, 0 leaky, 0 missing of {PARTITIONS} partitions"
    assert lines[-1] == f"dataset test in {chain.storage.root}: {counts}"


def test_every_date_shows_its_rows_rejects_and_tables(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    found = cells(status(chain, capsys)[1])
    assert list(found) == DATES
    for day in DATES:
        states = {table.folder: "fresh" if expected(table, day) else "." for table in DERIVED_TABLES}
        assert found[day] == {"valid rows": "1,234", "rejected": "3", **states}


def test_raw_logs_that_no_date_holds_are_named(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    chain.storage.write_text(f"{chain.table_path(RAW)}/date=2023-7-13/a.csv", "x")
    code, lines = status(chain, capsys)
    assert code == 1
    assert lines[-1].startswith(f"{chain.storage.root}/raw_test/date=2023-7-13 is ignored")


def test_a_wrong_setting_is_one_sentence() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "warehouse", "status"],
        cwd=REPOSITORY,
        env={**os.environ, "ANTM2C_SCENES": "five"},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "error: ANTM2C_SCENES is 'five'; set it to a whole number from 1 to 1000\n"


def test_a_date_that_was_stopped_by_its_rejects_shows_them(local: Catalog, capsys: pytest.CaptureFixture) -> None:
    receive(local, DATES[0])
    with StagedPartition(local, REJECTS, DATES[0]) as staged:
        made = replace(content(["a", "b", "c"], REJECTS), rows_in=20, rejects={"malformed": 2, "bad_label": 1})
        staged.publish(made, [local.input(RAW, DATES[0])])
    lines = status(local, capsys)[1]
    assert cells(lines)[DATES[0]] | {"valid rows": "-", "rejected": "3", "rejects": "fresh"} == cells(lines)[DATES[0]]
    rejected = f"3 of 20 rows of {DATES[0]} are rejected"
    why = f"{rejected}, more than --max-reject-rate allows: correct the rows, or raise the limit"
    assert any(line.endswith(f"missing: {why}") for line in lines)


def test_every_state_stands_below_its_table(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    chain.storage.remove(chain.path(TRAIN, DATES[0]))
    lines = status(chain, capsys)[1]
    for table in DERIVED_TABLES:
        column = lines[0].split(" ").index(table.folder)
        place = sum(len(word) + 1 for word in lines[0].split(" ")[:column])
        for line in lines[1 : 1 + len(DATES)]:
            assert line[place - 1] == " "
            assert line[place] != " "


def test_late_data_shows_as_stale_with_one_line_for_its_cause(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    receive(chain, DATES[1], "late data")
    code, lines = status(chain, capsys)
    found = cells(lines)
    stale = {(day, name) for day in DATES for name, state in found[day].items() if state == "STALE"}
    same_day = {(DATES[1], table.folder) for table in DERIVED_TABLES if expected(table, DATES[1])}
    assert stale == {*same_day, (DATES[2], "features_user")}
    assert code == 1
    assert lines[-2:] == [
        f"{len(stale)} stale: raw date={DATES[1]} has changed since it was read",
        f"run the stages for {DATES[1]} .. {DATES[2]}",
    ]


def test_a_withdrawn_partition_shows_as_missing(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    chain.storage.remove(chain.path(TRAIN, DATES[1]))
    code, lines = status(chain, capsys)
    assert code == 1
    assert [day for day in DATES if cells(lines)[day]["train"] == "MISSING"] == [DATES[1]]
    assert "1 missing: not published yet" in lines


def test_raw_logs_that_were_never_processed_are_missing(local: Catalog, capsys: pytest.CaptureFixture) -> None:
    for day in DATES:
        receive(local, day)
    code, lines = status(local, capsys)
    assert code == 1
    assert cells(lines)[DATES[0]]["valid rows"] == "-"
    assert f"{PARTITIONS} missing: not published yet" in lines


def test_a_day_without_logs_between_two_with_logs_is_missing_and_named(
    chain: Catalog, capsys: pytest.CaptureFixture
) -> None:
    for table in (RAW, *DERIVED_TABLES):
        chain.storage.remove(chain.path(table, DATES[1]))
    code, lines = status(chain, capsys)
    assert code == 1
    assert any(line.endswith(f"missing: no raw logs for {DATES[1]}") for line in lines)


def test_tiles_of_one_day_are_not_expected() -> None:
    assert [expected(TILES_UI, day) for day in dates_from("2023-07-10", 4)] in ([True, False] * 2, [False, True] * 2)


def test_a_dataset_that_does_not_exist_is_named(local: Catalog, capsys: pytest.CaptureFixture) -> None:
    assert status(local, capsys) == (1, [f"no logs of dataset test in {local.storage.root}"])


def refused(*arguments: str) -> str:
    """The last words of the command as a shell sees it."""
    ended = subprocess.run(
        [sys.executable, "-m", "warehouse", "status", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_a_broken_manifest_ends_in_one_sentence(chain: Catalog) -> None:
    path = f"{chain.path(FEATURES_USER, DATES[0])}/_manifest.json"
    Path(path).write_text("{")
    assert path in refused("--warehouse", chain.storage.root, "--dataset", "test")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--warehouse", "nowhere://x"], "nowhere"),
        (["--warehouse", "s3://bucket/x"], "s3"),
        (["--dataset", "a b"], "letters, digits and underscores"),
    ],
)
def test_wrong_arguments_end_in_one_sentence(arguments: list[str], says: str) -> None:
    assert says in refused(*arguments)


def test_dates_with_candidates_say_what_is_scored_and_do_not_change_the_status(
    chain: Catalog, capsys: pytest.CaptureFixture
) -> None:
    tomorrow = dates_from(DATES[-1], 2)[-1]
    receive(chain, tomorrow, table=CANDIDATES)
    publish(chain, VALID_CANDIDATES, tomorrow, ["a"], [(CANDIDATES, tomorrow)])
    publish(chain, CANDIDATE_FEATURES, tomorrow, ["a"], [(VALID_CANDIDATES, tomorrow), (FEATURES_USER, DATES[-1])])
    publish(chain, FEATURES_USER, DATES[-1], ["late"], [(LOGS, DATES[-1]), (FEATURES_USER, DATES[-2])])
    _, lines = status(chain, capsys)
    assert lines[-1] == (
        f"candidates of {tomorrow}: valid_candidates fresh, candidate_rejects MISSING, candidate_features STALE, "
        "scores MISSING"
    )
    receive(chain, tomorrow, "other candidates", CANDIDATES)
    assert f"candidates of {tomorrow}: valid_candidates STALE" in status(chain, capsys)[1][-1]


def test_the_watch_is_counted_and_what_is_stale_in_it_is_named(chain: Catalog, capsys: pytest.CaptureFixture) -> None:
    for date in DATES[-2:]:
        publish(chain, WATCH, date, ["a"], [(FEATURES_USER, date)])
    assert status(chain, capsys)[1][-1] == "watch: 2 of 2 dates fresh"
    publish(chain, FEATURES_USER, DATES[-1], ["late"], [(LOGS, DATES[-1]), (FEATURES_USER, DATES[-2])])
    counted, stale = status(chain, capsys)[1][-2:]
    assert counted == "watch: 1 of 2 dates fresh"
    assert stale == f"watch of {DATES[-1]}: STALE, features_user date={DATES[-1]} has changed"
