"""SQL that turns the texts of raw logs into typed values. A text in no accepted form becomes null."""

from warehouse.tables import SCENES

_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_SECONDS, _MILLISECONDS = "1[0-9]{9}([.][0-9]+)?", "1[0-9]{12}"  # since 1970, from 2001 to 2033
EPOCH = f"({_SECONDS}|{_MILLISECONDS})"
# What is accepted, for those whose rows are rejected.
ACCEPTED = {
    "bad_label": "a label is 0 or 1, also written 0.0, 1.0, false or true",
    "bad_scene": f"a scene is a number from 0 to {SCENES[-1]}",
    "bad_log_time": "a log_time is such as 2023-07-20 13:05:09, 2023/7/20 13:05, 2023-07-20T21:05:09.250+08:00, or "
    "seconds or milliseconds since 1970 such as 1689858309; without an offset it is UTC",
    "wrong_date": "a log_time is on the date of its folder, in UTC",
}


def whole_number(column: str) -> str:
    """Return the SQL of a whole number as an int. Some programs write it as 1.0."""
    as_decimal = f"{column} RLIKE '^[0-9]{{1,9}}[.]0+\\\\z'"
    return f"coalesce(try_cast({column} AS int), IF({as_decimal}, CAST(split_part({column}, '.', 1) AS int), NULL))"


def whole_number_or_truth(column: str) -> str:
    """Return the SQL of a whole number as an int, where true is 1 and false is 0."""
    return f"coalesce({whole_number(column)}, CASE lower({column}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"


def log_timestamp() -> str:
    """Return the SQL of log_time as a timestamp."""
    forms = {
        # For text of this form, a cast is as strict as a pattern and several times faster.
        _ISO: "try_cast(log_time AS timestamp)",
        "[0-9]{4}/.*": "coalesce(try_to_timestamp(log_time, 'yyyy/M/d H:mm'), "
        "try_to_timestamp(log_time, 'yyyy/M/d H:mm:ss'))",
        _SECONDS: "timestamp_seconds(CAST(log_time AS decimal(16, 6)))",
        _MILLISECONDS: "timestamp_millis(CAST(log_time AS bigint))",
    }
    cases = (f"WHEN log_time RLIKE '^{form}\\\\z' THEN {sql}" for form, sql in forms.items())
    return f"CASE {' '.join(cases)} END"
