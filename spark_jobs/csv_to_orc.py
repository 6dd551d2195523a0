"""Convert a date's raw files to typed ORC, partitioned by scene. Invalid rows go to `rejects`, each with a reason."""

import argparse
import functools
import math
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.common.arguments import dates_of, stage_parser
from spark_jobs.common.csv_header import RawFiles, group_by_header, raw_files
from spark_jobs.common.errors import StageError
from spark_jobs.common.intake import IMPRESSIONS, Intake
from spark_jobs.common.partitions import check_scene_folders, empty_content, no_rows, write_staged
from spark_jobs.common.raw_csv import BACKSLASH_QUOTE, REPLACEMENT, readable_files
from spark_jobs.common.raw_formats import read_any, read_any_header
from spark_jobs.common.run_stage import run_stage
from spark_jobs.common.session import require_readable_paths
from spark_jobs.common.stage import Stage
from spark_jobs.common.typed_values import (
    accepted,
    is_on,
    list_text,
    log_timestamp,
    scene_number,
    whole_number_or_truth,
)
from warehouse.catalog import Catalog
from warehouse.manifest import Manifest
from warehouse.publish import Content, StagedPartition
from warehouse.raw_files import copies
from warehouse.raw_mapping import RawMapping
from warehouse.tables import DEEP_FEATURES, REJECT_REASONS, SCENES, TEXT_COLUMNS, Table

_REJECTED = -1  # the scene of rejected rows while they are staged with the logs
_IS_VALID = f"scene != {_REJECTED}"
_IDS = ("user_id", "item_id")
# In SQL, in small letters; pandas writes <NA>.
_NULLS = r"'', '-', 'null', '(null)', '\\n', 'nan', '<na>', 'none', 'n/a', 'undefined'"
_SEEMS_MISSING = (
    r"{:,} valid rows have NULL, \N, nan, a blank or the like as their {}, which counts as an id like any other; "
    "if it stands for a missing id, leave the column empty, so that these rows are rejected"
)
_ARE_ALIKE = (
    "have the same content, and the rows of each count; if they are copies, keep one of them and run the stage again"
)
_REPLACEMENTS = "replacements"
_BACKSLASHES = "backslashes"
_IS_CSV = "NOT startswith(item_title, '{')"  # and not JSON, where quotes are to be escaped so
_NOT_UTF8 = "not_utf8"
_WRITE_UTF8 = "; {} of them seem not to be in UTF-8: write the file in UTF-8"
_DOUBLE_QUOTES = (
    '; {} of them have quotes escaped by a backslash: write quotes inside a field doubled, as "" '
    "(in Spark: .option('escape', '\"'))"
)
_SHOWN_REJECTS = 3
_SHOWN_CHARACTERS = 200
_RAW_BYTES_PER_WRITER = 2 * 1024**3  # one file per scene of about 256 MB


def with_reason(raw: DataFrame, date: str, mapping: RawMapping, has_labels: bool) -> DataFrame:
    """Add typed_label, typed_scene, log_ts and `reason`: why a row is rejected, or null if it is valid.

    A row gets the first reason of REJECT_REASONS whose condition it meets.
    """
    typed = raw.selectExpr(
        "*",
        f"{whole_number_or_truth('label')} AS typed_label",
        f"{scene_number(mapping)} AS typed_scene",
        f"{log_timestamp(mapping)} AS log_ts",
    )
    conditions = {
        "malformed": "malformed",
        "missing_user_id": "coalesce(user_id, '') = ''",
        "missing_item_id": "coalesce(item_id, '') = ''",
        "bad_label": "NOT coalesce(typed_label IN (0, 1), false)" if has_labels else "false",
        "bad_scene": f"NOT coalesce(typed_scene IN ({', '.join(map(str, SCENES))}), false)",
        "bad_log_time": "log_ts IS NULL",
        "wrong_date": f"NOT {is_on(date, 'log_ts', mapping)}",
    }
    reasons = (f"WHEN {conditions[name]} THEN '{name}'" for name in REJECT_REASONS)
    return typed.selectExpr("*", f"CASE {' '.join(reasons)} END AS reason")


def with_lists(raw: DataFrame, mapping: RawMapping) -> DataFrame:
    """Write columns that have lists of values in the form in which training recognizes them."""
    if not mapping.lists:
        return raw
    written = {column: list_text(column, separator) for column, separator in mapping.lists.items()}
    return raw.selectExpr(*(f"{written.get(column, f'`{column}`')} AS `{column}`" for column in raw.columns))


def valid_and_rejected(rows: DataFrame, table: Table) -> DataFrame:
    """Put valid and rejected rows into the columns of `table`, so that one pass over the raw files writes both.

    For a rejected row, scene is -1, user_id is its source_file, item_id its reason and item_title its raw_line.
    """
    typed = {"label": "typed_label", "scene": "typed_scene"}
    blank = {**dict.fromkeys(TEXT_COLUMNS, "coalesce(`{}`, '')"), **dict.fromkeys(DEEP_FEATURES, "nullif(`{}`, '')")}
    carried = {"user_id": "source_file", "item_id": "reason", "scene": str(_REJECTED), "item_title": "raw_line"}
    return rows.selectExpr(
        *(
            f"IF(reason IS NULL, {blank.get(name, '`{}`').format(typed.get(name, name))}, {carried.get(name, 'NULL')}) "
            f"AS `{name}`"
            for name in table.column_names
        )
    )


def check_date(catalog: Catalog, date: str, intake: Intake = IMPRESSIONS) -> None:
    """Raise StageError or WarehouseError if there are no raw files of a date, or the mapping is wrong."""
    raw_files(catalog, date, intake)
    catalog.raw_mapping()


def publish_date(stage: Stage, date: str, max_reject_rate: float, intake: Intake = IMPRESSIONS) -> list[Manifest]:
    """Publish the valid rows and rejects of one date. Raises StageError if files are missing or rejects too many."""
    raw = stage.catalog.raw_input(intake.raw, date)  # before reading: files that arrive meanwhile make the result stale
    mapping = stage.catalog.raw_mapping()
    groups = group_by_header(stage.catalog, date, intake, mapping, read_any_header)
    require_readable_paths(stage.spark, *(uri for group in groups for uri in group.uris))
    with stage.staged(intake.valid, date) as valid, stage.staged(intake.rejects, date) as rejects, readable_files():
        content, counts = write_rows(stage.spark, groups, mapping, valid)
        valid_content, rejects_content = split_rejects(stage, valid, rejects, content, counts)
        published = [stage.publish(rejects, rejects_content, [raw])]
        if rejects_content.rows > max_reject_rate * counts["rows_in"]:
            reasons = rejects_content.rejects
            raise too_many_rejects(stage, date, intake, counts, reasons, max_reject_rate, accepted(mapping))
        for column in _IDS:
            if number := counts[f"null_{column}"]:
                print(f"{intake.stage} {date}: {_SEEMS_MISSING.format(number, column)}", flush=True)
        for names in copies(raw.files):
            print(f"{intake.stage} {date}: {' and '.join(names)} {_ARE_ALIKE}", flush=True)
        return [stage.publish(valid, valid_content, [raw]), *published]


def too_many_rejects(
    stage: Stage,
    date: str,
    intake: Intake,
    counts: dict[str, int],
    by_reason: dict[str, int],
    max_reject_rate: float,
    accepted: dict[str, str],
) -> StageError:
    """Return the error for too many rejects. Its details are the accepted values and some of the rejected rows."""
    reasons = ", ".join(f"{reason} {number}" for reason, number in by_reason.items())
    hints = {_BACKSLASHES: _DOUBLE_QUOTES, _NOT_UTF8: _WRITE_UTF8}
    hint = "".join(text.format(counts[count]) for count, text in hints.items() if counts[count])
    return StageError(
        f"{sum(by_reason.values())} of {counts['rows_in']} raw rows are rejected ({reasons}), more than "
        f"--max-reject-rate {max_reject_rate:g} allows, so the {intake.valid.folder.replace('_', ' ')} are not "
        f"published; the rejected rows are in {stage.catalog.uri(intake.rejects, date)}{hint}",
        details=[
            *(accepted[reason] for reason in by_reason if reason in accepted),
            *some_rejects(stage, intake.rejects, date),
        ],
    )


def some_rejects(stage: Stage, table: Table, date: str) -> list[str]:
    """Return a few of the date's published rejects, one line of text each."""
    shown = f"substring(raw_line, 1, {_SHOWN_CHARACTERS})"
    rows = stage.read(table, date).selectExpr("source_file", "reason", f"{shown} AS line").limit(_SHOWN_REJECTS)
    return [f"rejected from {row.source_file}, {row.reason}: {_printable(row.line)}" for row in rows.collect()]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def write_rows(
    spark: SparkSession, groups: Sequence[RawFiles], mapping: RawMapping, valid: StagedPartition
) -> tuple[Content, dict[str, int]]:
    """Write all rows, also the rejected ones, to `valid`. Returns the content of the valid rows, and `row_counts`."""
    for as_bytes in (False, True):  # as bytes, which is slow, only if it makes a difference
        rows = checked_rows(spark, groups, mapping, valid, as_bytes)
        content, counts = write_staged(rows, valid, row_counts(), _IS_VALID)
        if not counts[_REPLACEMENTS]:
            break
    return content, counts


def checked_rows(
    spark: SparkSession, groups: Sequence[RawFiles], mapping: RawMapping, valid: StagedPartition, as_bytes: bool
) -> DataFrame:
    """Read all rows of the raw files, valid and rejected. Each task will write one file for each scene."""
    if not groups:
        return no_rows(spark, valid.table)
    raw = functools.reduce(DataFrame.unionAll, (read_any(spark, group, mapping, as_bytes) for group in groups))
    writers = math.ceil(sum(group.size for group in groups) / _RAW_BYTES_PER_WRITER)
    with_reasons = with_reason(
        with_lists(raw, mapping), valid.date, mapping, has_labels="label" in valid.table.column_names
    )
    return valid_and_rejected(with_reasons, valid.table).coalesce(max(writers, 1))


def row_counts() -> dict[str, str]:
    """Return named SQL counts over `valid_and_rejected`: all rows, valid rows by scene, rejected rows by reason.

    They also count valid rows whose id looks like a missing value, rejected rows that contain U+FFFD, and malformed
    rows with U+FFFD or with quotes escaped by a backslash.
    """
    return {
        "rows_in": "count(1)",
        **{f"scene_{scene}": f"count_if(scene = {scene})" for scene in SCENES},
        **{reason: f"count_if(NOT ({_IS_VALID}) AND item_id = '{reason}')" for reason in REJECT_REASONS},
        **{
            f"null_{column}": f"count_if(({_IS_VALID}) AND lower(trim(BOTH ' \t' FROM {column})) IN ({_NULLS}))"
            for column in _IDS
        },
        _REPLACEMENTS: f"count_if(NOT ({_IS_VALID}) AND contains(item_title, '{REPLACEMENT}'))",
        _NOT_UTF8: f"count_if(item_id = 'malformed' AND contains(item_title, '{REPLACEMENT}'))",
        _BACKSLASHES: f"count_if(item_id = 'malformed' AND contains(item_title, '{BACKSLASH_QUOTE}') AND {_IS_CSV})",
    }


def split_rejects(
    stage: Stage, valid: StagedPartition, rejects: StagedPartition, content: Content, counts: dict[str, int]
) -> tuple[Content, ...]:
    """Move the rejected rows from `valid` to the staged rejects. Raises StageError if a row is lost."""
    by_reason = {reason: counts[reason] for reason in REJECT_REASONS if counts[reason]}
    check_scene_folders(valid, {scene: counts[f"scene_{scene}"] for scene in SCENES})
    rejected = empty_content(rejects.table)
    if by_reason:  # without rejects, the partition is a manifest alone: writing an empty file would take a Spark job
        carried = stage.spark.read.schema(valid.table.ddl).orc(f"{valid.uri}/scene={_REJECTED}")
        named = {"user_id": "source_file", "item_title": "raw_line", "item_id": "reason"}
        rows = carried.selectExpr(*(f"{column} AS {name}" for column, name in named.items()))
        rejected, _ = write_staged(rows.coalesce(1), rejects)
        stage.catalog.storage.remove(f"{valid.path}/scene={_REJECTED}")
    if content.rows + rejected.rows != counts["rows_in"] or rejected.rows != sum(by_reason.values()):
        raise StageError(
            f"{counts['rows_in']} raw rows came in, but {content.rows} valid and {rejected.rows} rejected rows "
            "were written; nothing is published: run the stage again"
        )
    return tuple(replace(part, rows_in=counts["rows_in"], rejects=by_reason) for part in (content, rejected))


def rate(text: str) -> float:
    """Parse a number from 0 to 1. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def add_max_reject_rate(parser: argparse.ArgumentParser) -> None:
    """Add the option --max-reject-rate."""
    parser.add_argument(
        "--max-reject-rate", type=rate, default=0.01, help="fail if a larger share of rows is rejected (%(default)s)"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = stage_parser(__doc__)
    add_max_reject_rate(parser)
    arguments = parser.parse_args(argv)
    run_stage(
        "csv_to_orc",
        arguments,
        dates_of(parser, arguments),
        functools.partial(publish_date, max_reject_rate=arguments.max_reject_rate),
        check_date=check_date,
    )


if __name__ == "__main__":
    main()
