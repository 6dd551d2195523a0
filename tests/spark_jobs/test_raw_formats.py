"""The same rows as CSV, JSON lines and Parquet are the same logs, and no row of any format is lost."""

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.spark_jobs.conftest import Warehouse, bag
from warehouse.tables import LOGS, REJECTS

DAY = "2023-07-20"
MAPPING = '[columns]\n"the user" = "user_id"\n"Brand" = "deep_features_0"\n[time]\nzone = "Asia/Shanghai"\n'
NAMES = ["the user", "item_id", "log_time", "label", "scene", "item_title", "Brand", "ignored"]
TIME = datetime(2023, 7, 20, 8, 30, 5)  # in Shanghai
REJECTED = {"missing_user_id": 1, "bad_label": 1, "bad_scene": 1, "wrong_date": 1}


@pytest.fixture
def folder(warehouse: Warehouse) -> Path:
    folder = warehouse.raw / f"date={DAY}"
    folder.mkdir(parents=True)
    (warehouse.raw / "mapping.toml").write_text(MAPPING)
    return folder


def rows() -> list[dict]:
    """Four good rows, and one row for each reason in REJECTED."""
    good = dict(zip(NAMES, ["u1", 12345678, TIME, 1, 0, '"特价", \n逗号', "acme", 2.5], strict=True))
    changes = [
        *({"item_title": None}, {"Brand": "", "scene": 4}, {"label": 0, "item_title": "a\\b"}, {}),
        *({"the user": None}, {"label": 2}, {"scene": 7}, {"log_time": TIME + timedelta(days=1)}),
    ]
    return [{**good, **change} for change in changes]


def to_orc(warehouse: Warehouse, share: str = "1") -> tuple[Counter, Counter]:
    """The rows of logs, and those of rejects by reason."""
    warehouse.run("csv_to_orc", "--date", DAY, "--max-reject-rate", share)
    return bag(warehouse.rows(LOGS, DAY)), Counter(row["reason"] for row in warehouse.rows(REJECTS, DAY))


def test_csv_json_lines_and_parquet_of_the_same_rows_are_the_same_logs(warehouse: Warehouse, folder: Path) -> None:
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, NAMES)
        writer.writeheader()
        writer.writerows(rows())
    once, rejected = to_orc(warehouse)
    assert (once.total(), rejected) == (4, REJECTED)

    lines = [json.dumps(row, default=str, ensure_ascii=i % 2 == 0) for i, row in enumerate(rows())]
    (folder / "b.jsonl").write_bytes(("\ufeff" + "\r\n\n".join(lines)).encode())
    epochs = [
        {**row, "log_time": (row["log_time"] - timedelta(hours=8)).replace(tzinfo=UTC).timestamp()} for row in rows()
    ]
    (folder / "c.json.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, epochs)).encode()))
    frame = pandas.DataFrame(rows())
    frame.astype({"log_time": "datetime64[ns]", "item_id": "float64", "label": "float64"}).to_parquet(
        folder / "d.parquet"
    )
    zoned = frame.assign(log_time=frame["log_time"].dt.tz_localize("Asia/Shanghai").dt.as_unit("us"))
    pa.parquet.write_table(pa.Table.from_pandas(zoned.assign(label=frame["label"].astype(str))), folder / "e.pq")
    frame.assign(log_time=pandas.Series([row["log_time"] for row in epochs]), tags=[["x"]] * 8).to_parquet(
        folder / "f.parquet"
    )
    logs, rejected = to_orc(warehouse)
    assert logs == Counter({row: 6 * times for row, times in once.items()})
    assert rejected == dict.fromkeys(REJECTED, 6)
    (parquet,) = [
        row for row in warehouse.rows(REJECTS, DAY) if (row["source_file"], row["reason"]) == ("f.parquet", "bad_label")
    ]
    assert json.loads(parquet["raw_line"]) == {**epochs[5], "tags": ["x"]}


def test_lines_that_are_not_one_json_object_are_malformed(warehouse: Warehouse, folder: Path) -> None:
    good = json.dumps({**rows()[0], "ignored": {"a": '}{"'}}, default=str)
    wrong = [
        f"{good} {good}",
        f"{good},{good}",
        f"[{good}]",
        f"{good}x",
        good[:-1],
        good[1:],
        "5",
        good.replace("1,", "NaN,"),
    ]
    invalid = good.encode().replace(b"acme", b"acm\xe9")
    (folder / "a.ndjson").write_bytes("\n".join([good, *wrong, ""]).encode() + invalid)
    logs, rejected = to_orc(warehouse)
    assert (logs.total(), rejected) == (1, {"malformed": len(wrong) + 1})
    lines = {row["raw_line"] for row in warehouse.rows(REJECTS, DAY)}
    assert lines == {*wrong, good.replace("acme", "acm\ufffd")}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "a.json",
            b'[\n {"a": 1},\n {"a": 2}\n]',
            "a.json: its lines are not JSON objects; write",
        ),
        ("a.json", b'[{"a": 1}, {"a": 2}]', "a.json: its lines are not JSON objects; write one object on each line"),
        ("a.jsonl", b'{"LABEL": 1, "label": 0}', "lacks the user, item_id, log_time, scene"),
        ("a.jsonl.gz", gzip.compress(b'{"label": 1}', mtime=0)[:-9], "a.jsonl.gz cannot be read"),
        ("part-0", b'{"label": 1}', "part-0 is not CSV: it begins with {; let its name end in .jsonl"),
        ("part-0", b"PAR1\x00", "let its name end in .parquet"),
        ("a.parquet", b"PAR1", "a.parquet cannot be read as Parquet"),
        ("a.parquet.gz", b"", "a Parquet file must not be compressed as a whole; decompress it"),
    ],
)
def test_files_that_cannot_be_read_are_named(
    warehouse: Warehouse, folder: Path, capfd: pytest.CaptureFixture, name: str, content: bytes, says: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        to_orc(warehouse)
    said = capfd.readouterr().err
    assert stopped.value.code == 1
    assert says in said
    assert "Traceback" not in said


def test_a_parquet_file_that_is_damaged_inside_is_named(
    warehouse: Warehouse, folder: Path, capfd: pytest.CaptureFixture
) -> None:
    pandas.DataFrame(rows() * 100).to_parquet(folder / "a.parquet")
    content = bytearray((folder / "a.parquet").read_bytes())
    content[4:60] = bytes(56)
    (folder / "a.parquet").write_bytes(content)
    with pytest.raises(SystemExit):
        to_orc(warehouse)
    assert "a.parquet cannot be read" in capfd.readouterr().err.splitlines()[-1]
    assert warehouse.catalog.dates(LOGS) == []


def test_a_parquet_column_of_a_type_that_spark_lacks_ends_in_a_sentence(
    warehouse: Warehouse, folder: Path, capfd: pytest.CaptureFixture
) -> None:
    pandas.DataFrame(rows()).assign(at=TIME.time()).to_parquet(folder / "a.parquet")
    with pytest.raises(SystemExit) as stopped:
        to_orc(warehouse)
    said = capfd.readouterr().err.splitlines()[-1]
    assert (stopped.value.code, "Traceback" in said) == (1, False)
    assert "a.parquet cannot be read" in said
