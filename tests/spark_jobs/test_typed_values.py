"""Times as text, without Spark."""

import re

import pytest

from spark_jobs.common.typed_values import time_pattern
from warehouse.raw_mapping import RawMapping


@pytest.mark.parametrize(
    ("time_format", "time"),
    [
        ("'['dd/MMM/yyyy:HH:mm:ss Z']'", "[20/Jul/2023:13:05:09 +0800]"),
        ("yyyy年M月d日 HH:mm", "2023年7月20日 13:05"),
        ("d.M.yyyy, HH:mm", "20.7.2023, 13:05"),
        ("yyyy'('MM')'dd*HH+mm", "2023(07)20*13+05"),
    ],
)
def test_a_time_is_found_by_its_format_whatever_stands_between_its_numbers(time_format: str, time: str) -> None:
    pattern = time_pattern(RawMapping(time_format=time_format)).replace("\\\\", "\\")  # as SQL reads it
    assert re.fullmatch(pattern, time)
    assert not re.fullmatch(pattern, time.replace("0", "x"))


@pytest.mark.parametrize("time", ["2023-07-20 01:02:03 UTC", "2023-07-20T01:02:03.5+02", "2023/7/20 1:02"])
def test_a_time_in_a_usual_form_is_found(time: str) -> None:
    assert re.fullmatch(time_pattern(RawMapping()), time)
