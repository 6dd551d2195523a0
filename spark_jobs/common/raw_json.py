"""Raw files of JSON lines, one object on each line, as DataFrames of strings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.csv_header import HEADER_BYTES, RawFiles, check_names, read_beginning
from spark_jobs.common.errors import StageError
from spark_jobs.common.raw_csv import SOURCE_FILE
from spark_jobs.common.typed_values import sql_text
from warehouse.catalog import Catalog
from warehouse.raw_mapping import RawMapping
from warehouse.tables import RAW_COLUMNS

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_FIRST_ROWS = 1000
_BLANKS = " \t\r\n\ufeff"


@dataclass(frozen=True)
class JsonNames:
    """The columns, each with its name in the objects of a file."""

    of_columns: tuple[tuple[str, str], ...]


def read_json_names(catalog: Catalog, path: str, mapping: RawMapping, required: Sequence[str]) -> JsonNames | None:
    """Read the column names from the first rows of a JSON lines file. Later rows must spell them alike.

    None if the file has no rows. Raises StageError if it cannot be read, if the first rows are not JSON objects, or if
    they all lack a required column.
    """
    start = read_beginning(catalog, path)
    lines = [line for line in start.split("\n")[:_FIRST_ROWS] if line.strip(_BLANKS)]
    if not lines:
        return None
    names = [*dict.fromkeys(name for line in lines for name in _names(line))]
    if lines[0].strip(_BLANKS).startswith("[") or (not names and len(start) < HEADER_BYTES):
        raise StageError(
            f"{path}: its lines are not JSON objects; write one object on each line, without an array around"
        )
    if names:
        check_names(names, f"{path}: the list of names in its first rows", mapping, required)
    spelled = {column: name for name in names if (column := mapping.column_of(name))}
    usual = {column: name for column in RAW_COLUMNS if mapping.column_of(name := mapping.name_of(column)) == column}
    return JsonNames(tuple({**usual, **spelled}.items()))


def _names(line: str) -> list[str]:
    try:
        row = json.loads(line.strip(_BLANKS))
    except (ValueError, RecursionError):
        return []
    return [*row] if isinstance(row, dict) else []


def read_json(spark: SparkSession, group: RawFiles[JsonNames]) -> DataFrame:
    """Read JSON lines: every column as a string, and `malformed`, `raw_line` and `source_file`.

    A line that is not one JSON object in UTF-8 is malformed. Numbers are read with all their digits, 1.0 as 1, and
    arrays and objects as JSON.
    """
    lines = spark.read.text(list(group.uris), lineSep="\n").selectExpr(
        f"trim(BOTH {sql_text(_BLANKS)} FROM value) AS line", f"{SOURCE_FILE} AS source_file"
    )
    # Spark's parser stops at the end of an object: in a larger one, something that follows it on the line is noticed.
    parsed = lines.where("line != ''").selectExpr(
        "*", """try_parse_json(concat('{"row":', line, ',"end":1}')) AS parsed"""
    )
    whole = "is_valid_utf8(line) AND startswith(line, '{') AND try_variant_get(parsed, '$.end', 'int') = 1"
    names = dict(group.header.of_columns)
    return parsed.selectExpr(
        *(
            f"{_value(names[column]) if column in names else 'CAST(NULL AS string)'} AS `{column}`"
            for column in RAW_COLUMNS
        ),
        f"NOT ifnull({whole}, false) AS malformed",
        "make_valid_utf8(line) AS raw_line",
        "source_file",
    )


def _value(name: str) -> str:
    """Return the SQL of a value of the row as a string."""
    quoted = f"['{name}']" if '"' in name else f'["{name}"]'
    return f"try_variant_get(parsed, {sql_text(f'$.row{quoted}')}, 'string')"
