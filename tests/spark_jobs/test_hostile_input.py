"""Odd files that real exports contain end in counted rejects or in a sentence, and no row is lost."""

import bz2
import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.dataset
import pytest
from py4j.protocol import Py4JError

from spark_jobs.common import raw_csv
from spark_jobs.common.partitions import empty_content, no_rows, write_staged
from spark_jobs.common.session import spark_session
from spark_jobs.common.stage import Stage
from tests.spark_jobs.conftest import Warehouse
from warehouse.freshness import Freshness
from warehouse.manifest import MANIFEST_FILE
from warehouse.publish import StagedPartition
from warehouse.tables import FEATURES_USER, LOGS, REJECTS

DAY = "2023-07-20"
HEADER = "user_id,item_id,log_time,label,scene,item_title"
GOOD = f"1,2,{DAY} 01:02:03,1,0"


def write(warehouse: Warehouse, content: bytes | str, name: str = "a.csv") -> None:
    folder = warehouse.raw / f"date={DAY}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def to_orc(warehouse: Warehouse, *arguments: str) -> None:
    warehouse.run("csv_to_orc", "--date", DAY, *(arguments or ("--max-reject-rate", "1")))


def fails(warehouse: Warehouse, capfd: pytest.CaptureFixture, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        to_orc(warehouse, *arguments)
    assert stopped.value.code == 1
    message = capfd.readouterr().err
    assert "Traceback" not in message
    return next(line for line in message.splitlines() if line.startswith("error: "))


def titles(warehouse: Warehouse) -> list[str]:
    return [row["item_title"] for row in warehouse.rows(LOGS, DAY)]


def test_line_ends_byte_order_mark_quotes_and_blank_lines(warehouse: Warehouse) -> None:
    write(warehouse, f'\ufeff{HEADER}\r\n{GOOD},"a\r\nb"\r\n\r\n{GOOD},"""c"", d"\r\n{GOOD},"e"\n{GOOD},f\r\n')
    to_orc(warehouse)
    assert sorted(titles(warehouse)) == sorted(["a\r\nb", '"c", d', "e", "f"])


def test_nul_bytes_are_kept_and_invalid_utf8_is_malformed(warehouse: Warehouse) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},a\0b\n\0{GOOD},c\n{GOOD},".encode() + b"\xff\xfe\xe4\xb8\n")
    to_orc(warehouse)
    manifest = warehouse.catalog.manifest(LOGS, DAY)
    assert manifest is not None
    assert (manifest.rows_in, manifest.rows, manifest.rejects) == (3, 2, {"malformed": 1})
    assert "a\0b" in titles(warehouse)


def test_a_replacement_character_that_stands_in_the_file_is_valid_beside_bytes_that_are_not_utf8(
    warehouse: Warehouse,
) -> None:
    kept = [f"half a \ufffd title {i}" for i in range(2)]
    lines = [f"{GOOD},{kept[0]}".encode(), f"{GOOD},".encode() + b"\xef\xbf \xef\xbf\xbd", f"{GOOD},{kept[1]}".encode()]
    write(warehouse, b"\n".join([HEADER.encode(), *lines, b""]))
    to_orc(warehouse)
    assert titles(warehouse) == kept
    assert [row["raw_line"].startswith(f"{GOOD},\ufffd") for row in warehouse.rows(REJECTS, DAY)] == [True]


def test_ids_of_invalid_utf8_are_not_taken_for_one_another(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    line = f",2,{DAY} 01:02:03,1,0,x\n".encode()
    write(warehouse, f"{HEADER}\n".encode() + b"u\xe9" + line + b"u\xe8" + line)
    message = fails(warehouse, capfd, "--max-reject-rate", "0")
    assert "2 of them seem not to be in UTF-8: write the file in UTF-8" in message
    assert [row["reason"] for row in warehouse.rows(REJECTS, DAY)] == ["malformed"] * 2


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("opened", [f'{GOOD},"oops', f'{GOOD},"oops" and', f'"1,2,{DAY} 01:02:03,1,0,x'])
@pytest.mark.parametrize("time", [f"{DAY} 01:02:03", f"{DAY}T09:02:03.5+08:00", "1689814923"])
def test_rows_swallowed_by_an_open_quote_are_rejected(
    warehouse: Warehouse, opened: str, line_end: str, time: str
) -> None:
    lines = [HEADER, f"{GOOD},before", opened, *[f"{GOOD},swallowed"] * 20, ""]
    write(warehouse, line_end.join(lines).replace(f"{DAY} 01:02:03", time))
    to_orc(warehouse)
    whole = titles(warehouse)
    assert (
        whole.count("swallowed") + "".join(r["raw_line"] for r in warehouse.rows(REJECTS, DAY)).count("swallowed") == 20
    )
    assert all("\n" not in title for title in whole)


def test_a_title_over_several_lines_may_contain_times(warehouse: Warehouse) -> None:
    title = f"sale\nfrom {DAY} 01:02 on, until\n{DAY}, 12:00"
    write(warehouse, f'{HEADER}\n{GOOD},"{title}"\n')
    to_orc(warehouse)
    assert titles(warehouse) == [title]


def test_blank_lines_are_not_rows_with_either_line_end(warehouse: Warehouse) -> None:
    for line_end in ("\n", "\r\n"):
        write(warehouse, line_end.join([HEADER, "", f"{GOOD},x", "", "", ""]))
        to_orc(warehouse)
        manifest = warehouse.catalog.manifest(LOGS, DAY)
        assert (manifest.rows_in, manifest.rows) == (1, 1)


@pytest.mark.parametrize("before", ["\n\n", "\r\n", "  \n", "\ufeff\r\n \t\r\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_blank_lines_may_stand_before_the_header(warehouse: Warehouse, before: str, line_end: str) -> None:
    write(warehouse, before + line_end.join([f'"user_id",{HEADER[8:]}, it\'s "mine"', f"{GOOD},x,", "1,2,3", ""]))
    to_orc(warehouse)
    assert titles(warehouse) == ["x"]
    assert [row["raw_line"] for row in warehouse.rows(REJECTS, DAY)] == ["1,2,3"]


def test_columns_are_found_in_any_case_and_between_blanks(warehouse: Warehouse) -> None:
    write(warehouse, f" User_ID ,ITEM_ID,Log_Time,label\t,Scene,\u00a0Item_Title,Deep_Features_3\r\n{GOOD},x,y\r\n")
    to_orc(warehouse)
    (row,) = warehouse.rows(LOGS, DAY)
    assert (row["user_id"], row["item_title"], row["deep_features_3"]) == ("1", "x", "y")


@pytest.mark.parametrize(
    "name", ["数据 (1).csv", "a+b.csv", "100%.csv", "a%41b.csv", "a#b.csv", "a&b=c;d,e'f.csv", 'a"b.csv', "é.csv.gz"]
)
def test_a_rejected_row_names_its_file_as_it_is(warehouse: Warehouse, name: str) -> None:
    content = f"{HEADER}\n1,2,3\n".encode()
    write(warehouse, gzip.compress(content) if name.endswith(".gz") else content, name)
    to_orc(warehouse)
    assert [row["source_file"] for row in warehouse.rows(REJECTS, DAY)] == [name]


def test_a_quote_that_nothing_closes_in_a_large_file_names_file_and_row(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_csv, "_MAX_FIELD_CHARACTERS", 2_000_000)
    lines = [HEADER, f'{GOOD},"two\nlines"', f'{GOOD},"15.6 inch', *[f"{GOOD},特价"] * 100_000]
    write(warehouse, "\n".join(lines), "大 (1).csv")
    message = fails(warehouse, capfd)
    assert "大 (1).csv: row 2 has a field of more than 2,000,000 characters" in message
    assert warehouse.catalog.dates(LOGS) == []


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("damage", ["cut off", "changed"])
def test_a_compressed_file_that_is_damaged_anywhere_is_named(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, pack: Callable[[bytes], bytes], damage: str
) -> None:
    rng = random.Random(1)
    packed = pack("\n".join([HEADER, *(f"{GOOD},{rng.random()}" for _ in range(30_000))]).encode())
    middle = len(packed) // 2
    broken = packed[:-100] if damage == "cut off" else packed[:middle] + bytes(100) + packed[middle + 100 :]
    write(warehouse, broken, f"数据.csv.{'gz' if pack is gzip.compress else 'bz2'}")
    message = fails(warehouse, capfd)
    assert "数据.csv." in message
    assert "cannot be read" in message
    assert message.endswith("write the file again")


@pytest.mark.parametrize("text", ['"a \\"b\\" c"', '"\\"b\\""', '"a \\", y"', '"x\\""'])
def test_quotes_escaped_by_a_backslash_are_rejected_and_the_sentence_says_how_to_write_them(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, text: str
) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},{text}\n{GOOD},fine\n")
    message = fails(warehouse, capfd, "--max-reject-rate", "0")
    assert "have quotes escaped by a backslash: write quotes inside a field doubled" in message
    assert {row["reason"] for row in warehouse.rows(REJECTS, DAY)} == {"malformed"}


def test_backslashes_without_quotes_and_doubled_quotes_are_texts(warehouse: Warehouse) -> None:
    texts = ["a\\b", "ends in \\", '"quoted" at both "ends"', 'a "quote']
    write(warehouse, "\n".join([HEADER, *(f'{GOOD},"{text.replace(chr(34), chr(34) * 2)}"' for text in texts), ""]))
    to_orc(warehouse, "--max-reject-rate", "0")
    assert titles(warehouse) == texts


def test_ids_that_seem_to_stand_for_none_are_valid_and_counted_aloud(
    warehouse: Warehouse, capfd: pytest.CaptureFixture
) -> None:
    users, items = ["NULL", " null", "\\N", "<NA>", " \t"], ["2", "2", "NaN", "-", "2"]
    lines = [f"{user},{item},{DAY} 01:02:03,1,0,x" for user, item in zip(users, items, strict=True)]
    write(warehouse, "\n".join([HEADER, *lines, f"{GOOD},null", "NULL,2,3", ""]))
    to_orc(warehouse)
    said = capfd.readouterr().out
    assert f"csv_to_orc {DAY}: 5 valid rows have NULL, \\N, nan, a blank or the like as their user_id" in said
    assert f"csv_to_orc {DAY}: 2 valid rows have NULL, \\N, nan, a blank or the like as their item_id" in said
    assert sorted(row["user_id"] for row in warehouse.rows(LOGS, DAY)) == sorted([*users, "1"])


def test_files_with_the_same_rows_are_named(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    content = f"{HEADER}\n{GOOD},{'x' * 5000}\n"
    for name, text in {"a.csv": content, "a (1).csv": content, "b.csv": HEADER, "c.csv": HEADER, "d.csv": ""}.items():
        write(warehouse, text, name)
    to_orc(warehouse)
    said = [line for line in capfd.readouterr().out.splitlines() if "the same content" in line]
    assert [line.partition(" have ")[0] for line in said] == [f"csv_to_orc {DAY}: a (1).csv and a.csv"]
    assert len(titles(warehouse)) == 2


@pytest.mark.parametrize("name", ["a.csv._COPYING_", "a.csv.lz4", "a.csv.deflate", "a.csv.zst"])
def test_a_file_that_spark_would_skip_or_fail_on_is_refused(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, name: str
) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    write(warehouse, f"{HEADER}\n{GOOD},y\n", name)
    assert name in fails(warehouse, capfd)


def test_a_line_of_five_megabytes(warehouse: Warehouse) -> None:
    long = "长" * 1_700_000
    write(warehouse, f"{HEADER}\n{GOOD},{long}\n{GOOD},{',' * 5_000_000}\n{GOOD},short\n")
    to_orc(warehouse)
    assert sorted(map(len, titles(warehouse))) == [5, len(long)]
    assert [row["reason"] for row in warehouse.rows(REJECTS, DAY)] == ["malformed"]


def test_every_reason_once_with_the_line_as_it_was_written(warehouse: Warehouse) -> None:
    lines = {
        "malformed": "1,2,3",
        "missing_user_id": f',2,{DAY} 01:02:03,1,0,"x, ""y"""',
        "missing_item_id": f"1,,{DAY} 01:02:03,1,0,x",
        "bad_label": f"1,2,{DAY} 01:02:03,yes,0,x",
        "bad_scene": f"1,2,{DAY} 01:02:03,1,7,x",
        "bad_log_time": "1,2,2023-02-30 01:02:03,1,0,x",
        "wrong_date": "1,2,2023/7/19 23:59,1,0,x",
    }
    write(warehouse, "\n".join([HEADER, *lines.values(), f"{GOOD},fine", ""]))
    to_orc(warehouse)
    rejects = warehouse.rows(REJECTS, DAY)
    assert {row["reason"]: row["raw_line"] for row in rejects} == lines
    assert {row["source_file"] for row in rejects} == {"a.csv"}
    assert titles(warehouse) == ["fine"]


def test_ordinary_exports_are_read(warehouse: Warehouse) -> None:
    at_eight = datetime(2023, 7, 20, 20)
    plain = ["2023-07-20 20:00:00", "2023-07-20T20:00", "2023-07-20 20:00:00.000"]
    slashes = ["2023/7/20 20:00", "2023/7/20 20:00:00"]
    zoned = ["2023-07-20T20:00:00Z", "2023-07-21T04:00:00+08:00", "2023-07-21 04:00:00+0800"]
    numbers = ["1689883200", "1689883200.0", "1689883200000"]
    quarter = dict.fromkeys(["2023-07-20 20:00:00.25", "1689883200250"], at_eight + timedelta(milliseconds=250))
    times = {**dict.fromkeys([*plain, *slashes, *zoned, *numbers], at_eight), **quarter}
    labels = {"1": 1, "0": 0, "1.0": 1, "0.0": 0, "True": 1, "FALSE": 0, "true": 1, "1.00": 1}
    lines = [f"1,2,{time},1,0,x" for time in times] + [f"1,2,{DAY} 20:00:00,{label},3.0,x" for label in labels]
    write(warehouse, "\n".join([HEADER, *lines]))
    to_orc(warehouse, "--max-reject-rate", "0")
    rows = warehouse.rows(LOGS, DAY)
    assert sorted(row["log_ts"] for row in rows if row["scene"] == 0) == sorted(times.values())
    assert sorted(row["label"] for row in rows if row["scene"] == 3) == sorted(labels.values())


def test_other_forms_are_rejected_and_what_is_accepted_is_said(
    warehouse: Warehouse, capfd: pytest.CaptureFixture
) -> None:
    times = ["20/7/2023 20:00", "20230720", "168988320", "2023-07-20", "2023-07-20 20:00+00:00", "2023-07-20 8:00 PM"]
    labels = ["1.5", "yes", "2.0", "nan", "1d", "+-1"]
    lines = [f"1,2,{time},1,0,x" for time in times] + [f"1,2,{DAY} 20:00:00,{label},0,x" for label in labels]
    write(warehouse, "\n".join([HEADER, *lines, f"1,2,{DAY} 20:00:00,1,0.5,x", f"1,2,{DAY}T04:00:00+08:00,1,0,x"]))
    with pytest.raises(SystemExit):
        to_orc(warehouse, "--max-reject-rate", "0.9")
    said = capfd.readouterr().err
    for accepted in (
        "a label must be 0 or 1",
        "a scene must be a whole number from 0 to 4",
        "a log_time must look like",
        "a log_time must be on",
    ):
        assert accepted in said
    found = Counter(row["reason"] for row in warehouse.rows(REJECTS, DAY))
    assert found == {"bad_log_time": len(times), "bad_label": len(labels), "bad_scene": 1, "wrong_date": 1}


def test_too_many_rejects_publish_the_rejects_and_not_the_logs(
    warehouse: Warehouse, capfd: pytest.CaptureFixture
) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n1,2,3\n")
    message = fails(warehouse, capfd, "--max-reject-rate", "0.4")
    assert "1 of 2 raw rows are rejected (malformed 1)" in message
    assert "so the logs are not published; the rejected rows are in " in message
    assert warehouse.catalog.manifest(LOGS, DAY) is None
    assert len(warehouse.rows(REJECTS, DAY)) == 1
    to_orc(warehouse, "--max-reject-rate", "0.5")


def test_some_rejected_rows_stand_above_the_sentence(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    write(warehouse, "\n".join([HEADER, *[f'1,2,{DAY} 01:02:03,yes,0,"长\n\x1b[31m{"x" * 300}"'] * 5, ""]))
    with pytest.raises(SystemExit):
        to_orc(warehouse, "--max-reject-rate", "0.1")
    *shown, sentence = capfd.readouterr().err.splitlines()[-4:]
    line = f'1,2,{DAY} 01:02:03,yes,0,"长\n\x1b[31m{"x" * 300}'[:200].replace("\n", "\\n").replace("\x1b", "\\x1b")
    assert shown == [f"rejected from a.csv, bad_label: {line}"] * 3
    assert sentence.startswith(f"error: csv_to_orc {DAY}: 5 of 5 raw rows are rejected (bad_label 5)")


@pytest.mark.parametrize("content", ["", f"{HEADER}\n", f"{HEADER}", "\n\n"])
def test_files_without_rows_publish_an_empty_date(warehouse: Warehouse, content: str) -> None:
    write(warehouse, content)
    warehouse.run_all("--date", DAY)
    manifest = warehouse.catalog.manifest(LOGS, DAY)
    assert manifest is not None
    assert (manifest.rows_in, manifest.rows) == (0, 0)
    assert warehouse.catalog.dates(LOGS) == [DAY]


def test_a_rerun_that_loses_a_scene_leaves_none_of_its_files(warehouse: Warehouse) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n1,2,{DAY} 01:02:03,1,4,y\n")
    to_orc(warehouse)
    assert Counter(row["scene"] for row in warehouse.rows(LOGS, DAY)) == {0: 1, 4: 1}
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    to_orc(warehouse)
    assert Counter(row["scene"] for row in warehouse.rows(LOGS, DAY)) == {0: 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("user_id,item_id,label,scene\n1,2,1,0\n", "the header lacks log_time"),
        ("user_id,user_id,item_id,log_time,label,scene\n1,1,2,x,1,0\n", "has user_id more than once; keep one"),
        (f"{HEADER}, LABEL\n{GOOD},x,1\n", "has label more than once, as label and LABEL; keep one of them"),
        (HEADER.replace(",", ";"), "separated by semicolons; write the file with commas"),
        (f'\n"{HEADER}"'.replace(",", '"\t"'), "separated by tabs"),
        (HEADER.replace(",", " | "), "separated by vertical bars"),
        (f"{HEADER}\r{GOOD},x\r", "end with \\r only"),
        (b"\xff\xfeu\0s\0e\0r\0", "is in UTF-16; write it in UTF-8"),
    ],
)
def test_files_that_cannot_be_read_by_header_fail_with_a_sentence(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, content: bytes | str, says: str
) -> None:
    write(warehouse, content)
    message = fails(warehouse, capfd)
    assert says in message
    assert "a.csv" in message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("part[1].csv", f"{HEADER}\n", "in it; rename"),
        ("p*.csv", f"{HEADER}\n", "in it; rename"),
        ("a:b.csv", f"{HEADER}\n", "in it; rename"),
        ("a.csv.xz", b"", "cannot read this compression"),
        ("a.csv.gz", gzip.compress(HEADER.encode(), mtime=0)[:-9], "cannot be read"),
        ("a.csv.gz", b"not gzip", "cannot be read"),
    ],
)
def test_files_that_spark_cannot_read_as_they_are_named_fail_with_a_sentence(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, name: str, content: bytes | str, says: str
) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n", name="part1.csv")
    write(warehouse, content, name=name)
    message = fails(warehouse, capfd)
    assert says in message
    assert name in message


def test_compressed_files_are_read(warehouse: Warehouse) -> None:
    write(warehouse, gzip.compress(f"{HEADER}\n{GOOD},x\n".encode()), name="a.csv.gz")
    to_orc(warehouse)
    assert titles(warehouse) == ["x"]


def test_missing_raw_data_fails_with_the_path(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    (warehouse.raw / "date=2023-7-20").mkdir(parents=True)
    assert "the name is not date=YYYY-MM-DD: date=2023-7-20" in fails(warehouse, capfd)
    assert f"raw_test/date={DAY}" in fails(warehouse, capfd)
    (warehouse.raw / f"date={DAY}").mkdir(parents=True)
    assert "has no files" in fails(warehouse, capfd)


def test_a_range_with_a_missing_date_publishes_nothing(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    with pytest.raises(SystemExit):
        warehouse.run("csv_to_orc", "--start-date", DAY, "--end-date", "2023-07-21")
    assert "csv_to_orc 2023-07-21: no raw logs: " in capfd.readouterr().err
    assert warehouse.catalog.dates(LOGS) == []


def test_a_stage_names_the_date_that_is_not_there_yet(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    (warehouse.raw / "date=2023-07-21").mkdir()
    (warehouse.raw / "date=2023-07-21" / "a.csv").write_text(f"{HEADER}\n1,2,2023-07-21 01:02:03,1,0,x\n")
    warehouse.run("csv_to_orc", "--date", "2023-07-21")
    for stage in ("user_features", "item_features", "user_item_features"):
        with pytest.raises(SystemExit):
            warehouse.run(stage, "--date", "2023-07-21")
        assert f"Run {stage} for {DAY} first" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--date", "2023-7-20"],
        ["--date", DAY, "--end-date", DAY],
        ["--start-date", DAY],
        ["--start-date", DAY, "--end-date", "2023-07-19"],
        ["--date", DAY, "--max-reject-rate", "2"],
        [],
    ],
)
def test_contradictory_arguments_are_refused(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        warehouse.run("csv_to_orc", *arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_date_without_rejects_has_an_empty_partition_of_them_without_a_file(warehouse: Warehouse) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    to_orc(warehouse)
    folder = Path(warehouse.catalog.path(REJECTS, DAY))
    assert [path.name for path in folder.iterdir()] == [MANIFEST_FILE]
    assert pyarrow.dataset.dataset(folder, format="orc").count_rows() == 0
    with spark_session("tests") as spark:
        stage = Stage(spark, warehouse.catalog, Freshness(warehouse.catalog))
        assert stage.read(REJECTS, DAY).isEmpty()
        with stage.staged(REJECTS, DAY) as staged:
            assert write_staged(no_rows(spark, REJECTS), staged) == (empty_content(REJECTS), {})
    assert stage.freshness.verdict(REJECTS, DAY).fresh


def test_the_last_line_is_what_was_published(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    to_orc(warehouse)
    said = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert [(entry["table"], entry["date"], entry["rows"]) for entry in said["published"]] == [
        ("logs", DAY, 1),
        ("rejects", DAY, 0),
    ]
    assert said["published"][0]["version"] == warehouse.catalog.version(LOGS, DAY)


def test_missing_files_of_a_partition_are_not_read_as_zeros(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    next_day = "2023-07-21"
    for day in (DAY, next_day):
        (warehouse.raw / f"date={day}").mkdir(parents=True)
        (warehouse.raw / f"date={day}" / "a.csv").write_text(f"{HEADER}\n1,2,{day} 01:02:03,1,0,x\n")
    warehouse.run_all("--start-date", DAY, "--end-date", next_day)
    folder = Path(warehouse.catalog.path(FEATURES_USER, DAY))
    for file in folder.glob("*.orc"):
        file.unlink()
    for name in ("user_features", "training_table"):
        with pytest.raises(SystemExit):
            warehouse.run(name, "--date", next_day)
        assert f"data files of {warehouse.uri}/features_user_test/date={DAY} are not those" in capfd.readouterr().err


def test_an_error_from_java_becomes_a_sentence(
    warehouse: Warehouse, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")

    def full_disk(*_: object) -> None:
        raise Py4JError("An error occurred while calling o1.save.\n: java.io.IOException: No space left on device")

    monkeypatch.setattr(StagedPartition, "publish", full_disk)
    with pytest.raises(SystemExit) as stopped:
        to_orc(warehouse)
    assert stopped.value.code == os.EX_TEMPFAIL
    assert capfd.readouterr().err.splitlines()[-1] == f"error: csv_to_orc {DAY}: IOException: No space left on device"
