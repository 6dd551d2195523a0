"""Raw CSV of one date to typed ORC by scene; every row that is not valid goes to the rejects with its reason."""

import argparse
import functools
import math
from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.common.arguments import dates_of, stage_parser
from spark_jobs.common.csv_header import RawFiles, group_by_header, raw_files
from spark_jobs.common.errors import StageError
from spark_jobs.common.partitions import check_scene_folders, no_rows, write_staged
from spark_jobs.common.stage import Stage, run_stage
from warehouse.manifest import Manifest
from warehouse.publish import Content, StagedPartition
from warehouse.tables import (
    DEEP_FEATURES,
    LOGS,
    RAW,
    REJECT_REASONS,
    REJECTS,
    REQUIRED_RAW_COLUMNS,
    SCENES,
    TEXT_COLUMNS,
)

_RAW_COLUMNS = (*REQUIRED_RAW_COLUMNS, *TEXT_COLUMNS, *DEEP_FEATURES)
_CAST = ("log_time", "label", "scene")  # what is damaged in them is no number and no time
_CORRUPT = "_corrupt_record"
_MOST_COLUMNS = 6_000_000  # of a line; a line of some megabytes with nothing but commas is malformed, not a crash
_TIME = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2} [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?"
_SWALLOWED = rf'(?m)\\n([^\\n]*,)?"?{_TIME}"?\\r?(,|$)'
_AS_WRITTEN = {
    "escape": '"',
    "nullValue": "",
    "emptyValue": "",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
}
_REJECTED = -1  # stands where a valid row has its scene
_IS_VALID = f"scene != {_REJECTED}"
_RAW_BYTES_PER_WRITER = 2 * 1024**3  # gives one file a scene of about 256 MB


def read_raw(spark: SparkSession, group: RawFiles) -> DataFrame:
    """Files with one header, every column a string, with `raw_line`, `source_file` and whether the row is malformed."""
    names = [name if name in _RAW_COLUMNS else f"_other_{i}" for i, name in enumerate(group.columns)]
    schema = ", ".join(f"`{name}` string" for name in (*names, _CORRUPT))
    rows = spark.read.csv(
        list(group.uris),
        schema=schema,
        header=True,
        multiLine=True,
        lineSep="\n",
        escape='"',
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=_CORRUPT,
        maxColumns=_MOST_COLUMNS,
    )
    # Of a Windows line end, the first half stays: as all of an empty line, or on the last column.
    rows = rows.where(f"coalesce(trim(BOTH '\r\n' FROM `{_CORRUPT}`) != '', true)")
    rows = rows.withColumn(names[-1], F.expr(without_return(names[-1])))
    as_written = ", ".join(f"'{name}', '{value}'" for name, value in _AS_WRITTEN.items())
    line = f"to_csv(struct({', '.join(f'`{name}`' for name in names)}), map({as_written}))"
    malformed = [f"`{_CORRUPT}` IS NOT NULL", *(damaged(name) for name in names if name not in _CAST)]
    return rows.selectExpr(
        *(f"`{name}`" if name in names else f"CAST(NULL AS string) AS `{name}`" for name in _RAW_COLUMNS),
        f"{' OR '.join(malformed)} AS malformed",
        f"coalesce({without_return(_CORRUPT)}, {line}) AS raw_line",
        "_metadata.file_name AS source_file",
    )


def damaged(column: str) -> str:
    """Whether a value lost bytes that are no UTF-8, or swallowed further rows after a quote that nothing closes.

    A row that was swallowed would have been a row of its own: a line in the value has a time between commas.
    """
    swallowed = f"contains(`{column}`, '\n') AND `{column}` RLIKE '{_SWALLOWED}'"
    return f"ifnull(contains(`{column}`, '\ufffd') OR {swallowed}, false)"


def without_return(column: str) -> str:
    """A column without carriage returns at its end."""
    return f"TRIM(TRAILING '\\r' FROM `{column}`)"


def log_timestamp() -> str:
    """log_time as a timestamp, from `yyyy-MM-dd HH:mm:ss` or `yyyy/M/d H:mm`, else null."""
    in_iso_form = r"log_time RLIKE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\z'"
    # Once the form is known, the cast is as strict as a pattern and several times as fast.
    slashes = "try_to_timestamp(log_time, 'yyyy/M/d H:mm')"
    return f"CASE WHEN {in_iso_form} THEN try_cast(log_time AS timestamp) ELSE {slashes} END"


def with_reason(raw: DataFrame, date: str) -> DataFrame:
    """Typed label, scene and log_ts, and the first `reason` against each row (null where it is valid)."""
    typed = raw.selectExpr(
        "*",
        "try_cast(label AS int) AS typed_label",
        "try_cast(scene AS int) AS typed_scene",
        f"{log_timestamp()} AS log_ts",
    )
    first_moment = f"TIMESTAMP '{date} 00:00:00'"
    tests = {
        "malformed": "malformed",
        "missing_user_id": "coalesce(user_id, '') = ''",
        "missing_item_id": "coalesce(item_id, '') = ''",
        "bad_label": "NOT coalesce(typed_label IN (0, 1), false)",
        "bad_scene": f"NOT coalesce(typed_scene IN ({', '.join(map(str, SCENES))}), false)",
        "bad_log_time": "log_ts IS NULL",
        "wrong_date": f"NOT (log_ts >= {first_moment} AND log_ts < {first_moment} + INTERVAL 1 DAY)",
    }
    reasons = (f"WHEN {tests[name]} THEN '{name}'" for name in REJECT_REASONS)
    return typed.selectExpr("*", f"CASE {' '.join(reasons)} END AS reason")


def valid_and_rejected(judged: DataFrame) -> DataFrame:
    """Both kinds of row in the columns of `logs`, so that one pass over the CSV writes both.

    A rejected row rides in a scene of its own: source_file as user_id, reason as item_id, raw_line as item_title.
    """
    typed = {"label": "typed_label", "scene": "typed_scene"}
    empty = {**dict.fromkeys(TEXT_COLUMNS, "coalesce(`{}`, '')"), **dict.fromkeys(DEEP_FEATURES, "nullif(`{}`, '')")}
    carried = {"user_id": "source_file", "item_id": "reason", "scene": str(_REJECTED), "item_title": "raw_line"}
    return judged.selectExpr(
        *(
            f"IF(reason IS NULL, {empty.get(name, '`{}`').format(typed.get(name, name))}, {carried.get(name, 'NULL')}) "
            f"AS `{name}`"
            for name in LOGS.column_names
        )
    )


def publish_date(stage: Stage, date: str, max_reject_rate: float) -> list[Manifest]:
    """Publishes logs and rejects of one date. Raises StageError where raw data is missing or too much is rejected."""
    raw = [stage.catalog.input(RAW, date)]  # before the files are read: what arrives meanwhile makes the result stale
    groups = group_by_header(stage.catalog, date)
    with StagedPartition(stage.catalog, LOGS, date) as logs, StagedPartition(stage.catalog, REJECTS, date) as rejects:
        content, counts = write_staged(rows_of(stage.spark, groups, date), logs, row_counts(), _IS_VALID)
        logs_content, rejects_content = split_rejects(stage, logs, rejects, content, counts)
        published = [stage.publish(rejects, rejects_content, raw)]
        rejected, rows_in = rejects_content.rows, counts["rows_in"]
        if rejected > max_reject_rate * rows_in:
            reasons = ", ".join(f"{reason} {number}" for reason, number in rejects_content.rejects.items())
            raise StageError(
                f"{rejected} of {rows_in} raw rows are rejected ({reasons}), more than --max-reject-rate "
                f"{max_reject_rate:g} allows; see {stage.catalog.uri(REJECTS, date)}, the logs are not published"
            )
        return [stage.publish(logs, logs_content, raw), *published]


def rows_of(spark: SparkSession, groups: Sequence[RawFiles], date: str) -> DataFrame:
    """Every row of the raw files, judged, in as many partitions as there shall be files a scene."""
    if not groups:
        return no_rows(spark, LOGS)
    raw = functools.reduce(DataFrame.unionAll, (read_raw(spark, group) for group in groups))
    writers = math.ceil(sum(group.size for group in groups) / _RAW_BYTES_PER_WRITER)
    return valid_and_rejected(with_reason(raw, date)).coalesce(max(writers, 1))


def row_counts() -> dict[str, str]:
    """Counts over `valid_and_rejected`: all rows, the valid ones by scene, the rejected ones by reason."""
    return {
        "rows_in": "count(1)",
        **{f"scene_{scene}": f"count_if(scene = {scene})" for scene in SCENES},
        **{reason: f"count_if(NOT ({_IS_VALID}) AND item_id = '{reason}')" for reason in REJECT_REASONS},
    }


def split_rejects(
    stage: Stage, logs: StagedPartition, rejects: StagedPartition, content: Content, counts: dict[str, int]
) -> tuple[Content, ...]:
    """Moves the rejected rows from the staged logs to the staged rejects, and checks that no row is lost."""
    storage = stage.catalog.storage
    by_reason = {reason: counts[reason] for reason in REJECT_REASONS if counts[reason]}
    check_scene_folders(stage.catalog, logs, {scene: counts[f"scene_{scene}"] for scene in SCENES})
    if by_reason:
        carried = stage.spark.read.schema(LOGS.ddl).orc(f"{logs.uri}/scene={_REJECTED}")
        named = {"user_id": "source_file", "item_title": "raw_line", "item_id": "reason"}
        rows = carried.selectExpr(*(f"{column} AS {name}" for column, name in named.items()))
    else:
        rows = no_rows(stage.spark, REJECTS)
    rejected, _ = write_staged(rows.coalesce(1), rejects)
    storage.remove(f"{logs.path}/scene={_REJECTED}")
    if content.rows + rejected.rows != counts["rows_in"] or rejected.rows != sum(by_reason.values()):
        raise StageError(
            f"{counts['rows_in']} raw rows came in, but {content.rows} valid and {rejected.rows} rejected rows "
            "were written; nothing is published"
        )
    return tuple(replace(part, rows_in=counts["rows_in"], rejects=by_reason) for part in (content, rejected))


def rate(text: str) -> float:
    """A share from 0 to 1."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--max-reject-rate", type=rate, default=0.01, help="fail above this share (%(default)s)")
    arguments = parser.parse_args(argv)
    run_stage(
        "csv_to_orc",
        arguments,
        dates_of(parser, arguments),
        functools.partial(publish_date, max_reject_rate=arguments.max_reject_rate),
        check_date=raw_files,
    )


if __name__ == "__main__":
    main()
