"""Columns that [lists] of mapping.toml names have several values in a row, whatever the format of the file."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet

from tests.spark_jobs.conftest import Warehouse
from warehouse.tables import LIST_END, LOGS

DAY = "2023-07-20"
MAPPING = """
[columns]
genres = "deep_features_3"
[lists]
genres = "|"
deep_features_7 = "', "
"""
FIRST = {"user_id": "u", "log_time": f"{DAY} 12:00:00", "label": 1, "scene": 0}
CSV = {  # genres in the file: the values
    "b| a |a||ab": ["a", "ab", "b"],
    "a": ["a"],
    '["b", "a"]': ["a", "b"],
    "[live]|特价": ["[live]", "特价"],
    "a.b|a": ["a", "a.b"],
    " | ": None,
    "": None,
}
JSON = [(["b", " a", None, ""], ["a", "b"]), ("b|a", ["a", "b"]), ([7, "a"], ["7", "a"]), ([], None), (None, None)]
PARQUET = [(["b", None, "a "], ["a", "b"]), ([], None), (None, None)]


def test_lists_of_csv_json_and_parquet_become_their_sorted_distinct_values(warehouse: Warehouse) -> None:
    folder = warehouse.raw / f"date={DAY}"
    folder.mkdir(parents=True)
    (warehouse.raw / "mapping.toml").write_text(MAPPING)
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*FIRST, "item_id", "genres", "deep_features_7", "deep_features_8"])
        writer.writeheader()
        other = {"deep_features_7": "b', a|b", "deep_features_8": "b|a"}
        writer.writerows({**FIRST, "item_id": f"csv {i}", "genres": text, **other} for i, text in enumerate(CSV))
    lines = [json.dumps({**FIRST, "item_id": f"json {i}", "genres": given}) for i, (given, _) in enumerate(JSON)]
    (folder / "b.jsonl").write_text("\n".join(lines))
    rows = [{**FIRST, "item_id": f"parquet {i}", "genres": given} for i, (given, _) in enumerate(PARQUET)]
    pa.parquet.write_table(pa.Table.from_pylist(rows), folder / "c.parquet")

    warehouse.run("csv_to_orc", "--date", DAY)
    logs = {row["item_id"]: row for row in warehouse.rows(LOGS, DAY)}
    expected = {f"csv {i}": values for i, values in enumerate(CSV.values())}
    expected |= {f"json {i}": values for i, (_, values) in enumerate(JSON)}
    expected |= {f"parquet {i}": values for i, (_, values) in enumerate(PARQUET)}
    assert {item: row["deep_features_3"] for item, row in logs.items()} == {
        item: values and "".join(value + LIST_END for value in values) for item, values in expected.items()
    }
    assert logs["csv 0"]["deep_features_7"] == f"a|b{LIST_END}b{LIST_END}"
    assert logs["csv 0"]["deep_features_8"] == "b|a"
