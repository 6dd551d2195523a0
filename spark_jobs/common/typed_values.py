"""SQL that converts the strings of raw logs to typed values. A string in no accepted format becomes null."""

from warehouse.tables import SCENES

_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_SECONDS, _MILLISECONDS = "1[0-9]{9}([.][0-9]+)?", "1[0-9]{12}"  # since 1970, from 2001 to 2033
EPOCH = f"({_SECONDS}|{_MILLISECONDS})"
# Printed when too many rows are rejected.
ACCEPTED = {
    "bad_label": "a label must be 0 or 1; 0.0, 1.0, false and true are accepted too",
    "bad_scene": f"a scene must be a whole number from 0 to {SCENES[-1]}",
    "bad_log_time": "a log_time must look like 2023-07-20 13:05:09, 2023/7/20 13:05 or 2023-07-20T21:05:09.250+08:00, "
    "or be a number of seconds or milliseconds since 1970, such as 1689858309; without an offset it is in UTC",
    "wrong_date": "a log_time must be on the date of its folder, in UTC",
}


def whole_number(column: str) -> str:
    """Return SQL that casts a whole number to int, also if it is written as 1.0."""
    as_decimal = f"{column} RLIKE '^[0-9]{{1,9}}[.]0+\\\\z'"
    return f"coalesce(try_cast({column} AS int), IF({as_decimal}, CAST(split_part({column}, '.', 1) AS int), NULL))"


def whole_number_or_truth(column: str) -> str:
    """Return SQL that casts a whole number to int, with true as 1 and false as 0."""
    return f"coalesce({whole_number(column)}, CASE lower({column}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"


def log_timestamp() -> str:
    """Return SQL that casts log_time to a timestamp."""
    forms = {
        # For text of this form, a cast is as strict as to_timestamp with a pattern, and several times faster.
        _ISO: "try_cast(log_time AS timestamp)",
        "[0-9]{4}/.*": "coalesce(try_to_timestamp(log_time, 'yyyy/M/d H:mm'), "
        "try_to_timestamp(log_time, 'yyyy/M/d H:mm:ss'))",
        _SECONDS: "timestamp_seconds(CAST(log_time AS decimal(16, 6)))",
        _MILLISECONDS: "timestamp_millis(CAST(log_time AS bigint))",
    }
    cases = (f"WHEN log_time RLIKE '^{form}\\\\z' THEN {sql}" for form, sql in forms.items())
    return f"CASE {' '.join(cases)} END"
