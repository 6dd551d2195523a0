"""SQL that converts the strings of raw logs to typed values. A string in no accepted format becomes null."""

from warehouse.calendar_days import days_before
from warehouse.raw_mapping import TIME_LETTERS, UTC, RawMapping, format_parts, has_offset
from warehouse.scenes import MAPPING_FILE, SCENES
from warehouse.tables import LIST_END

_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}"
_ISO_LOCAL = f"{_ISO}(:[0-9]{{2}}([.][0-9]+)?)?"
_ISO_WITH_OFFSET = f"{_ISO}:[0-9]{{2}}([.][0-9]+)?(Z| UTC|[+-][0-9]{{2}}(:?[0-9]{{2}})?)"
_SECONDS, _MILLISECONDS = "1[0-9]{9}([.][0-9]+)?", "1[0-9]{12}"  # since 1970, from 2001 to 2033
EPOCH = f"({_SECONDS}|{_MILLISECONDS})"
_ANY_USUAL = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}[0-9:.Z+-]*( UTC)?"


def accepted(mapping: RawMapping) -> dict[str, str]:
    """Return what is accepted, by the reason to reject other rows."""
    zone = f"without an offset it is in {mapping.zone}"
    times = (
        "a log_time must look like 2023-07-20 13:05:09, 2023/7/20 13:05 or 2023-07-20T21:05:09.250+08:00, or be a "
        "number of seconds or milliseconds since 1970, such as 1689858309"
    )
    if mapping.time_format:
        times = f"a log_time must look like {mapping.time_format} or 2023-07-20T21:05:09+08:00 ({MAPPING_FILE})"
    scenes = f"a scene must be a whole number from 0 to {SCENES[-1]}, or a name that {MAPPING_FILE} gives a number"
    if mapping.scenes:
        scenes = f"a scene must be one of {', '.join(mapping.scenes)} ({MAPPING_FILE})"
    return {
        "bad_label": "a label must be 0 or 1; 0.0, 1.0, false and true are accepted too",
        "bad_scene": scenes,
        "bad_log_time": f"{times}; {zone}",
        "wrong_date": f"a log_time must be on the date of its folder, in {mapping.zone}",
    }


def whole_number(column: str) -> str:
    """Return SQL that casts a whole number to int, also if it is written as 1.0."""
    as_decimal = f"{column} RLIKE '^[0-9]{{1,9}}[.]0+\\\\z'"
    return f"coalesce(try_cast({column} AS int), IF({as_decimal}, CAST(split_part({column}, '.', 1) AS int), NULL))"


def whole_number_or_truth(column: str) -> str:
    """Return SQL that casts a whole number to int, with true as 1 and false as 0."""
    return f"coalesce({whole_number(column)}, CASE lower({column}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"


def scene_number(mapping: RawMapping) -> str:
    """Return SQL that converts scene to its number."""
    if not mapping.scenes:
        return whole_number("scene")
    cases = (f"WHEN {sql_text(name)} THEN {number}" for name, number in mapping.scenes.items())
    # Some programs write the name 101 as 101.0.
    return f"CASE regexp_replace(scene, '^([0-9]+)[.]0+\\\\z', '$1') {' '.join(cases)} END"


def log_timestamp(mapping: RawMapping) -> str:
    """Return SQL that converts log_time to a timestamp in UTC."""
    with_offset = "try_cast(log_time AS timestamp)"  # for text of this form, as strict as a pattern and far faster
    if mapping.time_format:
        parsed = f"try_to_timestamp(log_time, {sql_text(mapping.time_format)})"
        parsed = parsed if has_offset(mapping.time_format) else in_utc(parsed, mapping)
        return f"IF(log_time RLIKE '^{_ISO_WITH_OFFSET}\\\\z', {with_offset}, {parsed})"
    slashes = (f"try_to_timestamp(log_time, 'yyyy/M/d {time}')" for time in ("H:mm", "H:mm:ss"))
    forms = {
        _ISO_LOCAL: in_utc("try_cast(log_time AS timestamp)", mapping),
        _ISO_WITH_OFFSET: with_offset,
        "[0-9]{4}/.*": in_utc(f"coalesce({', '.join(slashes)})", mapping),
        _SECONDS: "timestamp_seconds(CAST(log_time AS decimal(16, 6)))",
        _MILLISECONDS: "timestamp_millis(CAST(log_time AS bigint))",
    }
    cases = (f"WHEN log_time RLIKE '^{form}\\\\z' THEN {sql}" for form, sql in forms.items())
    return f"CASE {' '.join(cases)} END"


def in_utc(local: str, mapping: RawMapping) -> str:
    """Return SQL that converts `local`, a timestamp in the mapping's time zone, to UTC."""
    return local if mapping.zone == UTC else f"to_utc_timestamp({local}, '{mapping.zone}')"


def is_on(date: str, timestamp: str, mapping: RawMapping) -> str:
    """Return the SQL test that a timestamp is on a date, in the mapping's zone."""
    first, after = (f"TIMESTAMP '{day} 00:00:00 {mapping.zone}'" for day in (date, days_before(date, -1)))
    return f"({timestamp} >= {first} AND {timestamp} < {after})"


def list_text(column: str, separator: str) -> str:
    """Return SQL that writes a list as its sorted distinct values, trimmed, each followed by LIST_END; null if empty.

    The values are separated by `separator`, or a JSON array, which lists of JSON and Parquet files have become.
    """
    split = f"split({column}, '{''.join(map(_literally, separator))}')"
    values = f"IF(startswith({column}, '['), coalesce(from_json({column}, 'array<string>'), {split}), {split})"
    trimmed = f"transform({values}, value -> trim(BOTH ' \t\r\n' FROM value))"
    ended = f"transform(filter({trimmed}, value -> value != ''), value -> concat(value, '{LIST_END}'))"
    return f"nullif(array_join(array_sort(array_distinct({ended})), ''), '')"


def time_pattern(mapping: RawMapping) -> str:
    """Return a regular expression, for SQL, of log_time as text."""
    if not mapping.time_format:
        return _ANY_USUAL
    parts = format_parts(mapping.time_format)
    return "".join(TIME_LETTERS[part] if kind == "letters" else "".join(map(_literally, part)) for kind, part in parts)


def _literally(character: str) -> str:
    """Return the regular expression, for SQL, of a character: by its code, as it may have a meaning of its own."""
    return f"\\\\x{ord(character):02x}" if character.isascii() else character


def sql_text(text: str) -> str:
    """Return a text as it is written in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
