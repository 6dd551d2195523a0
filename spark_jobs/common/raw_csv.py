"""Read raw CSV files as DataFrames of strings."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.csv_header import Header, RawFiles
from spark_jobs.common.errors import StageError
from spark_jobs.common.java_errors import java_causes
from spark_jobs.common.typed_values import EPOCH, sql_text, time_pattern
from warehouse.raw_files import is_compressed
from warehouse.raw_mapping import RawMapping
from warehouse.tables import RAW_COLUMNS

_CAST = ("log_time", "label", "scene")  # damaged values cannot be cast, and are rejected for that
_CORRUPT = "_corrupt_record"
_MAX_COLUMNS = 6_000_000  # so that a line with megabytes of commas is malformed, and not a crash
_MAX_FIELD_CHARACTERS = 16_000_000  # so that a quote which nothing closes does not fill the memory with a whole file
_BYTES = "ISO-8859-1"  # a character for each byte
_ROW_WITH = r'(?m)\\n([^\\n]*,)?"?{}"?\\r?(,|$)'
SOURCE_FILE = "url_decode(replace(_metadata.file_name, '+', '%2B'))"  # encoded as in a URI, but for the plus sign
REPLACEMENT = "\ufffd"
BACKSLASH_QUOTE = r"\\\""  # in SQL
_AS_WRITTEN = {
    "escape": '"',
    "nullValue": "",
    "emptyValue": "",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
}
_UNREADABLE_FILE = re.compile(r"FAILED_READ_FILE.* reading file (.+?)\.(?: |$)")
_TOO_LONG_FIELD = re.compile(r"Length of parsed input.*?\brecord=(\d+)", re.DOTALL)
_DAMAGED_FILE = re.compile(
    r"(?:\w*IOException|EOFException|ZipException|DataFormatException|IndexOutOf\w+|TProtocolException|Parquet\w+)\b"
)


def read_raw(spark: SparkSession, group: RawFiles[Header], mapping: RawMapping, as_bytes: bool) -> DataFrame:
    """Read files with the same header: every column as text, and `malformed`, `raw_line` and `source_file`.

    Rows with invalid UTF-8 are malformed. Spark decodes invalid bytes to U+FFFD, but a file may also contain that
    character itself. Reading `as_bytes` tells the two apart, and takes half as long again.
    """
    columns = group.header.columns
    names = [name or f"_other_{i}" for i, name in enumerate(columns)]
    rows = spark.read.csv(
        list(group.uris),
        schema=", ".join(f"`{name}` string" for name in (*names, _CORRUPT)),
        encoding=_BYTES if as_bytes else "UTF-8",
        header=True,
        multiLine=True,
        lineSep="\n",
        escape='"',
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=_CORRUPT,
        maxColumns=_MAX_COLUMNS,
        maxCharsPerColumn=_MAX_FIELD_CHARACTERS,
    )
    decoded: Callable[[str], str] = _decoded if as_bytes else str
    # Spark leaves the \r of a Windows line end: as an empty line, or at the end of the last column.
    rows = rows.where(rf"coalesce(trim(BOTH ' \t\r\n' FROM `{_CORRUPT}`) != '', true)").selectExpr(
        *(f"{decoded(without_return(name) if name == names[-1] else f'`{name}`')} AS `{name}`" for name in names),
        f"make_valid_utf8({decoded(without_return(_CORRUPT))}) AS `{_CORRUPT}`",
        f"{SOURCE_FILE} AS source_file",
    )
    if not group.header.is_first_line:  # Spark has taken a line without text for the header
        rows = rows.where(f"NOT ({' AND '.join(map(_is_header, names, group.header.cells))})")
    as_written = ", ".join(f"'{name}', '{value}'" for name, value in _AS_WRITTEN.items())
    line = f"to_csv(struct({', '.join(f'`{name}`' for name in names)}), map({as_written}))"
    time = time_pattern(mapping)
    malformed = [f"`{_CORRUPT}` IS NOT NULL", *(damaged(name, time, as_bytes) for name in names if name not in _CAST)]
    return rows.selectExpr(
        *(f"`{name}`" if name in names else f"CAST(NULL AS string) AS `{name}`" for name in RAW_COLUMNS),
        f"{' OR '.join(malformed)} AS malformed",
        f"coalesce(`{_CORRUPT}`, make_valid_utf8({line})) AS raw_line",
        "source_file",
    )


def damaged(column: str, time: str, as_bytes: bool) -> str:
    """Return SQL that tells whether a value has invalid UTF-8, quotes escaped by a backslash, or other rows inside.

    If a quote is never closed, the value swallows the rows after it. They are recognized by their log_time: a line
    inside the value has a time between commas. If quotes are escaped by a backslash, the value keeps its outer quotes.
    time: the regular expression of log_time as text.
    """
    row = f"`{column}` RLIKE '{_ROW_WITH.format(time)}'"
    # A number is a time only where other times are numbers too.
    row_of_epoch = f"log_time RLIKE '^{EPOCH}$' AND `{column}` RLIKE '{_ROW_WITH.format(EPOCH)}'"
    swallowed = f"contains(`{column}`, '\n') AND ({row} OR {row_of_epoch})"
    escaped = f"startswith(`{column}`, '\"') AND contains(`{column}`, '{BACKSLASH_QUOTE}')"
    invalid = f"NOT is_valid_utf8(`{column}`)" if as_bytes else f"contains(`{column}`, '{REPLACEMENT}')"
    return f"ifnull({invalid} OR {swallowed} OR {escaped}, false)"


def without_return(column: str) -> str:
    """Return SQL that removes carriage returns at the end of a column."""
    return f"TRIM(TRAILING '\\r' FROM `{column}`)"


def _decoded(sql: str) -> str:
    """Return SQL that decodes a text that was read as bytes. Most values are ASCII and skip this slow step."""
    return f"IF(char_length({sql}) = octet_length({sql}), {sql}, CAST(encode({sql}, '{_BYTES}') AS string))"


def _is_header(column: str, cell: str) -> str:
    return f"coalesce(trim(`{column}`), '') = {sql_text(cell)}"


@contextmanager
def readable_files() -> Iterator[None]:
    """In the `with` block, turn Spark's error about a damaged file into a StageError that names the file."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        causes = java_causes(error)
        files = [unquote(match[1]) for cause in causes if (match := _UNREADABLE_FILE.search(cause))]
        if not files:
            raise
        if too_long := _TOO_LONG_FIELD.search(str(error)):
            raise StageError(
                f"{files[0]}: row {too_long[1]} has a field of more than {_MAX_FIELD_CHARACTERS:,} characters, "
                "probably because a quote is never closed; close it, or double the quotes inside fields"
            ) from error
        if is_compressed(files[0]) and _DAMAGED_FILE.match(causes[-1]):
            raise StageError(f"{files[0]} cannot be read ({causes[-1]}); write the file again") from error
        raise
