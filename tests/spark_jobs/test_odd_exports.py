"""What other programs write: each value is taken for what it is or rejected, and each odd file is named."""

import bz2
import gzip
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from spark_jobs.common.csv_header import raw_files
from spark_jobs.common.errors import StageError
from spark_jobs.common.intake import IMPRESSIONS
from spark_jobs.common.raw_formats import read_any_header
from tests.spark_jobs.conftest import Warehouse
from warehouse.catalog import Catalog
from warehouse.raw_mapping import RawMapping
from warehouse.tables import LOGS, REJECTS

DAY = "2023-07-20"
TIME = datetime(2023, 7, 20, 1, 2, 3)
GOOD = {"user_id": "u", "log_time": f"{DAY} 01:02:03", "label": 1, "scene": 0}
HEADER = "user_id,log_time,label,scene,item_id,item_title\n"

# The cells of user_id, log_time, label and scene, and what the row becomes: other values than GOOD's, or a reason.
CSV: dict[str, tuple[str, dict | str]] = {
    "the offset of Postgres": (f"u,{DAY} 03:02:03+02,1,0", {}),
    "the zone of BigQuery": (f"u,{DAY} 01:02:03.5 UTC,1,0", {"log_ts": TIME + timedelta(milliseconds=500)}),
    "more digits than microseconds": (
        f"u,{DAY} 01:02:03.123456789,1,0",
        {"log_ts": TIME + timedelta(microseconds=123456)},
    ),
    "an offset that leads to another date": (f"u,{DAY}T01:02:03+0530,1,0", "wrong_date"),
    "an offset that there is not": (f"u,{DAY} 01:02:03+99,1,0", "bad_log_time"),
    "24 o'clock": (f"u,{DAY} 24:00:00,1,0", "bad_log_time"),
    "a leap second": (f"u,{DAY} 23:59:60,1,0", "bad_log_time"),
    "before 1970": ("u,1969-07-20 01:02:03,1,0", "wrong_date"),
    "the last year": ("u,9999-12-31 23:59:59,1,0", "wrong_date"),
    "microseconds since 1970": ("u,1689814923000000,1,0", "bad_log_time"),
    "Excel's number": ("u,1.68981E+09,1,0", "bad_log_time"),
    "a label with a sign": (f"u,{DAY} 01:02:03,+1,0", {}),
    "a label in Chinese digits": (f"u,{DAY} 01:02:03,１,0", "bad_label"),
    "a scene with a zero before it": (f"u,{DAY} 01:02:03,1,01", {"scene": 1}),
    "a scene beyond all numbers": (f"u,{DAY} 01:02:03,1,2147483648", "bad_scene"),
    "an id with a tab": (f"a\tb,{DAY} 01:02:03,1,0", {"user_id": "a\tb"}),
    "an id of ten thousand characters": (f"{'长😀' * 5000},{DAY} 01:02:03,1,0", {"user_id": "长😀" * 5000}),
    "pandas' missing value": (f"<NA>,{DAY} 01:02:03,1,0", {"user_id": "<NA>"}),
    "an id of blanks": (f" \t,{DAY} 01:02:03,1,0", {"user_id": " \t"}),
    "a cell too many": (f"u,{DAY} 01:02:03,1,0,more", "malformed"),
}
JSON: dict[str, tuple[dict, dict | str]] = {
    "a number of 20 digits": ({"user_id": 12345678901234567890}, {"user_id": "12345678901234567890"}),
    "an emoji, and a control character": ({"user_id": "😀\0"}, {"user_id": "😀\0"}),
    "half a character": ({"user_id": "\ud83d"}, "malformed"),
    "null for a label": ({"label": None}, "bad_label"),
    "a label in a list": ({"label": [1]}, "bad_label"),
    "the date of MongoDB": ({"log_time": {"$date": 1689814923000}}, "bad_log_time"),
    "an object for an id": ({"user_id": {"b": 1, "a": None}}, {"user_id": '{"a":null,"b":1}'}),
}
LINES = {
    "a name twice": json.dumps({**GOOD, "item_id": "a name twice"})[:-1] + ', "label": 0}',
    "thousands of brackets": f'{{"item_id": "thousands of brackets", "user_id": {"[" * 3000}{"]" * 3000}}}',
    "a comma after the object": json.dumps({**GOOD, "item_id": "a comma after the object"}) + ",",
}
# The columns of files, and what becomes of their rows.
PARQUET: list[tuple[dict[str, pa.Array], dict[str, dict | str]]] = [
    (
        {
            "user_id": pa.array([Decimal(12), Decimal("12.5")], pa.decimal128(38, 10)),
            "scene": pa.array([Decimal(1)] * 2),
            "label": pa.array([False] * 2),
        },
        {
            "Oracle's whole number": {"user_id": "12", "scene": 1, "label": 0},
            "Oracle's other number": {"user_id": "12.5000000000", "scene": 1, "label": 0},
        },
    ),
    (
        {"user_id": pa.array([2**63 + 5], pa.uint64()), "log_time": pa.array([TIME], pa.timestamp("s"))},
        {"the largest integers, and seconds": {"user_id": str(2**63 + 5)}},
    ),
    (
        {
            "user_id": pa.array(["v"]).dictionary_encode(),
            "log_time": pa.array([TIME], pa.timestamp("ns", "America/New_York")),
        },
        {"a dictionary, and nanoseconds in a zone": {"user_id": "v"}},
    ),
    (
        {"user_id": pa.array(["v", "v"], pa.large_string()), "label": pa.array([1.0, 0.99999999])},
        {"large strings": {"user_id": "v"}, "almost a click": "bad_label"},
    ),
    (
        {"user_id": pa.array([b"v", b"\xff", b"v"]), "log_time": pa.array([TIME, TIME, datetime(1, 1, 1)])},
        {"bytes": {"user_id": "v"}, "bytes that are no text": "malformed", "the year 1": "wrong_date"},
    ),
    ({"log_time": pa.array([TIME.date()])}, {"a date": "bad_log_time"}),
]
CASES: dict[str, dict | str] = {
    **{name: outcome for given in (CSV, JSON) for name, (_, outcome) in given.items()},
    **{name: outcome for _, outcomes in PARQUET for name, outcome in outcomes.items()},
    **dict.fromkeys(LINES, "malformed"),
}


def parquet(items: list[str], columns: dict[str, pa.Array], **options: Any) -> bytes:
    content = io.BytesIO()
    usual = {column: pa.array([value] * len(items)) for column, value in GOOD.items()}
    pa.parquet.write_table(pa.table({**usual, "item_id": pa.array(items), **columns}), content, **options)
    return content.getvalue()


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """All cases in one date. The id of the item is the name of the case."""
    warehouse = Warehouse(tmp_path_factory.mktemp("odd exports"))
    folder = warehouse.raw / f"date={DAY}"
    folder.mkdir(parents=True)
    lines = (f"{cells},{name},\n" for name, (cells, _) in CSV.items())
    (folder / "a.csv").write_text("\ufeff\ufeff" + HEADER + "".join(lines))
    objects = [json.dumps({**GOOD, "item_id": name, **given}) for name, (given, _) in JSON.items()]
    (folder / "b.jsonl").write_text("\n".join([*objects, *LINES.values()]))
    for number, (columns, outcomes) in enumerate(PARQUET):
        (folder / f"{number}.parquet").write_bytes(parquet([*outcomes], columns))
    warehouse.run("csv_to_orc", "--date", DAY, "--max-reject-rate", "1")
    return warehouse


@pytest.mark.parametrize("name", CASES)
def test_a_value_is_taken_for_what_it_is_or_its_row_is_rejected(converted: Warehouse, name: str) -> None:
    outcome = CASES[name]
    rows = [row for row in converted.rows(LOGS, DAY) if row["item_id"] == name]
    written = (f",{name},", f'"{name}"')
    reasons = [
        row["reason"] for row in converted.rows(REJECTS, DAY) if any(text in row["raw_line"] for text in written)
    ]
    if isinstance(outcome, str):
        assert (rows, reasons) == ([], [outcome])
        return
    (row,) = rows
    assert not reasons
    expected = {"user_id": "u", "log_ts": TIME, "label": 1, "scene": 0, **outcome}
    assert {column: row[column] for column in expected} == expected


def test_no_row_is_lost(converted: Warehouse) -> None:
    manifest = converted.catalog.manifest(LOGS, DAY)
    assert manifest is not None
    assert manifest.rows_in == len(CASES)
    assert manifest.rows == sum(isinstance(outcome, dict) for outcome in CASES.values())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", HEADER.encode("utf-16"), "is in UTF-16; write it in UTF-8"),
        ("a.jsonl", "\ufeff{}".encode("utf-16-be"), "is in UTF-16; write it in UTF-8"),
        ("a.csv", HEADER.encode("utf-16-le"), "its header is not in UTF-8; write the file in UTF-8"),
        ("a.csv", HEADER.replace("user_id", "用户").encode("gbk"), "its header is not in UTF-8"),
        ("a.csv", gzip.compress(HEADER.encode()), "is compressed with gzip; let its name end in .gz"),
        ("a.json", bz2.compress(b"{}"), "is compressed with bzip2; let its name end in .bz2"),
        ("a.csv", b"\x28\xb5\x2f\xfd", "is compressed with zstd; write it uncompressed, as .gz or as .bz2"),
        ("a.xlsx", b"PK\x03\x04\x14\x00", "is a zip archive, such as an Excel workbook; unpack it, or save it as CSV"),
        ("a.csv.gz", gzip.compress(gzip.compress(b"twice")), "is compressed with gzip; let its name end in .gz"),
        ("a.json", parquet([], {}), "is Parquet; let its name end in .parquet"),
        (
            "a.parquet",
            parquet(["i"], {}, compression="brotli"),
            "Spark cannot read BROTLI in Parquet; write the file with",
        ),
        ("\udcd6.csv", HEADER.encode(), r"\udcd6.csv': the name of the file is not in UTF-8; rename the file"),
    ],
    ids=lambda part: part if isinstance(part, str) and part.isascii() else "",  # a gzip file holds the time
)
def test_a_file_of_another_kind_is_named_with_what_to_do(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StageError) as refused:
        read_any_header(
            Catalog(str(tmp_path), "test"), str(tmp_path / name), RawMapping(), IMPRESSIONS.required_columns
        )
    assert says in str(refused.value)


@pytest.mark.parametrize("target", ["nowhere.csv", "a.csv"])
def test_a_link_that_leads_nowhere_or_to_itself_is_named(warehouse: Warehouse, target: str) -> None:
    folder = warehouse.raw / f"date={DAY}"
    folder.mkdir(parents=True)
    (folder / "a.csv").symlink_to(target)
    with pytest.raises(StageError, match=r"a\.csv is a link that leads nowhere; mend or remove it"):
        raw_files(warehouse.catalog, DAY, IMPRESSIONS)
