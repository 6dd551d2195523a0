"""Odd files that real exports contain end in counted rejects or in a sentence, and no row is lost."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow.dataset
import pytest
from py4j.protocol import Py4JError

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


def test_ids_of_invalid_utf8_are_not_taken_for_one_another(warehouse: Warehouse) -> None:
    line = f",2,{DAY} 01:02:03,1,0,x\n".encode()
    write(warehouse, f"{HEADER}\n".encode() + b"u\xe9" + line + b"u\xe8" + line)
    to_orc(warehouse)
    assert warehouse.rows(LOGS, DAY) == []
    assert [row["reason"] for row in warehouse.rows(REJECTS, DAY)] == ["malformed"] * 2


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("opened", [f'{GOOD},"oops', f'{GOOD},"oops" and', f'"1,2,{DAY} 01:02:03,1,0,x'])
def test_rows_swallowed_by_an_open_quote_are_rejected(warehouse: Warehouse, opened: str, line_end: str) -> None:
    lines = [HEADER, f"{GOOD},before", opened, *[f"{GOOD},swallowed"] * 20, ""]
    write(warehouse, line_end.join(lines))
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


def test_too_many_rejects_publish_the_rejects_and_not_the_logs(
    warehouse: Warehouse, capfd: pytest.CaptureFixture
) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n1,2,3\n")
    message = fails(warehouse, capfd, "--max-reject-rate", "0.4")
    assert "1 of 2 raw rows are rejected (malformed 1)" in message
    assert warehouse.catalog.manifest(LOGS, DAY) is None
    assert len(warehouse.rows(REJECTS, DAY)) == 1
    to_orc(warehouse, "--max-reject-rate", "0.5")


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
        ("user_id,user_id,item_id,log_time,label,scene\n1,1,2,x,1,0\n", "names user_id more than once"),
        (f"{HEADER}\r{GOOD},x\r", "carriage return alone"),
        (b"\xff\xfeu\0s\0e\0r\0", "the header lacks"),
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
        ("part[1].csv", f"{HEADER}\n", "for a pattern; rename"),
        ("p*.csv", f"{HEADER}\n", "for a pattern; rename"),
        ("a:b.csv", f"{HEADER}\n", "for a pattern; rename"),
        ("a.csv.xz", b"", "does not read this compression"),
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
    assert f"raw_test/date={DAY}" in fails(warehouse, capfd)
    (warehouse.raw / f"date={DAY}").mkdir(parents=True)
    assert "holds no file" in fails(warehouse, capfd)


def test_a_range_with_a_missing_date_publishes_nothing(warehouse: Warehouse, capfd: pytest.CaptureFixture) -> None:
    write(warehouse, f"{HEADER}\n{GOOD},x\n")
    with pytest.raises(SystemExit):
        warehouse.run("csv_to_orc", "--start-date", DAY, "--end-date", "2023-07-21")
    assert "no raw logs for 2023-07-21" in capfd.readouterr().err
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
    with pytest.raises(SystemExit):
        to_orc(warehouse)
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: csv_to_orc {DAY}: Py4JError: java.io.IOException: No space left on device"]
