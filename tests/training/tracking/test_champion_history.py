"""Which version was the champion before a date."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import MagicMock, Mock

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2

from training.tracking.champion import Champion
from training.tracking.champion_history import Reign, reigns_of, standing_before


def reign(version: str, as_of: str, *crowned: str, present: bool = False) -> Reign:
    times = tuple(datetime.fromisoformat(time).replace(tzinfo=UTC) for time in crowned)
    return Reign(Champion(version, f"run {version}", "", version), as_of, times, present)


FIRST, SECOND = reign("1", "2023-07-09", "2023-07-10T06:00"), reign("2", "2023-07-16", "2023-07-17T06:00", present=True)
AGAIN = reign("1", "2023-07-09", "2023-07-10T06:00", "2023-07-24T06:00", present=True)


@pytest.mark.parametrize(
    ("date", "reigns", "stood"),
    [
        ("2023-07-12", [FIRST, SECOND], "1"),
        ("2023-07-17", [FIRST, SECOND], "1"),  # the second was crowned in the course of this day
        ("2023-07-18", [FIRST, SECOND], "2"),
        ("2023-07-20", [AGAIN, SECOND], "2"),
        ("2023-07-25", [AGAIN, SECOND], "1"),
    ],
)
def test_by_the_clock_the_champion_is_the_last_that_was_crowned(date: str, reigns: list[Reign], stood: str) -> None:
    found, how = standing_before(date, reigns, UTC)
    assert (found.champion.version, how) == (stood, "")


def test_a_date_begins_at_midnight_in_the_zone_of_the_logs() -> None:
    for hours, version in ((8, "1"), (0, "2")):
        crowned_at_dawn = [FIRST, reign("2", "2023-07-16", "2023-07-17T18:00", present=True)]
        found, _ = standing_before("2023-07-18", crowned_at_dawn, timezone(timedelta(hours=hours)))
        assert found.champion.version == version


def test_for_dates_before_every_promotion_the_newest_that_knows_nothing_of_them_is_taken() -> None:
    later = [reign("1", "2023-07-09", "2026-01-01T06:00"), reign("2", "2023-07-16", "2026-01-02T06:00", present=True)]
    for date, version in (("2023-07-16", "1"), ("2023-07-17", "2")):
        found, how = standing_before(date, later, UTC)
        assert found.champion.version == version
        assert f"no champion had been promoted by {date}" in how


def test_without_a_version_that_is_older_than_the_date_there_was_none() -> None:
    assert standing_before("2023-07-09", [FIRST, SECOND], UTC) == (
        None,
        "there was no champion before 2023-07-09; the first, version 1, was promoted on 2023-07-10 at 06:00 UTC "
        "and knows rows up to 2023-07-09",
    )
    assert standing_before("2023-07-09", [], UTC) == (
        None,
        "there was no champion before 2023-07-09, and there is none yet",
    )


def test_an_alias_that_was_moved_by_hand_is_followed_and_told() -> None:
    moved = [reign("1", "2023-07-09", "2023-07-10T06:00", present=True), reign("2", "2023-07-16", "2023-07-17T06:00")]
    found, how = standing_before("2023-07-20", moved, UTC)
    assert found.champion.version == "1"
    assert "the alias was moved to version 1 by hand" in how


@pytest.mark.parametrize(("code", "known"), [("RESOURCE_DOES_NOT_EXIST", True), ("INTERNAL_ERROR", False)])
def test_a_version_whose_run_has_been_removed_for_good_is_left_out(
    code: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = MlflowException("no such run", getattr(databricks_pb2, code))
    left = Mock(data=Mock(tags={"antm2c.as_of": "2023-07-16"}))
    client = Mock(get_run=Mock(side_effect=lambda run_id: left if run_id == "2" else (_ for _ in ()).throw(gone)))
    version = {"creation_timestamp": 0, "tags": {}}
    client.search_model_versions.return_value = [Mock(version=n, run_id=n, **version) for n in ("1", "2")]
    client.get_registered_model.return_value.aliases = {"champion": "2"}
    opened = MagicMock()
    opened.return_value.__enter__.return_value = client
    opened.return_value.__exit__.return_value = False
    monkeypatch.setattr("training.tracking.champion_history.tracking", opened)
    with nullcontext() if known else pytest.raises(MlflowException):
        (found,) = reigns_of("http://server", "demo")
        assert (found.champion.version, found.as_of, found.present) == ("2", "2023-07-16", True)


def test_without_a_database_there_are_no_versions_and_none_is_made(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("training.tracking.champion_history.tracking", Mock(side_effect=AssertionError))
    assert reigns_of(f"sqlite:///{tmp_path}/mlflow.db", "demo") == []
