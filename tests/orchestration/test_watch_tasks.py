"""What the watching DAG calls."""

import logging
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.assets import TRAINING_TABLE, WATCH
from orchestration.task_failures import TaskFailure
from orchestration.task_messages import MESSAGE
from orchestration.watch_tasks import RETRAINING, WARNED_ABOUT, find_dates, watch
from tests.dags.conftest import HandMadeWarehouse
from training.tracking.champion import Champion
from warehouse.errors import StorageError, WarehouseError
from warehouse.tables import TRAIN

FORM = {"date": None, "retrain": False}
FINE = {"rows": 9, "auc": 0.7, "auc_low": 0.6, "auc_high": 0.8, "run": "a", "version": "1", "says": "all is well"}
FINE |= {"date": "2023-07-11", "warned_on": None}
WORSE = {**FINE, "date": "2023-07-12", "warned_on": "2023-07-12", "says": "it is worse"}


@pytest.fixture(autouse=True)
def champion(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """What the registry answers."""
    answer = Mock(return_value=Champion("1", "a", "", "b"))
    monkeypatch.setattr("orchestration.watch_tasks.champion_of", answer)
    return answer


@pytest.fixture
def three_dates(warehouse: HandMadeWarehouse) -> HandMadeWarehouse:
    for day in ("2023-07-11", "2023-07-12", "2023-07-14"):
        warehouse.receive(day)
        warehouse.publish_from_logs(day, TRAIN)
    return warehouse


@pytest.mark.usefixtures("three_dates")
@pytest.mark.parametrize(
    ("form", "events", "found"),
    [
        ({}, [], ["2023-07-14"]),
        ({"date": "2023-07-11"}, ["2023-07-12"], ["2023-07-11"]),
        ({}, ["2023-07-11"], ["2023-07-11"]),
        ({}, ["2023-07-14", "2023-07-10 to 2023-07-11"], ["2023-07-11", "2023-07-14"]),
    ],
)
def test_the_dates_are_those_with_clicks_of_the_form_or_the_events_or_the_newest(
    form: dict, events: list, found: list
) -> None:
    published = {TRAINING_TABLE: [SimpleNamespace(extra={"dates": dates}) for dates in events]} if events else {}
    assert find_dates({**FORM, **form}, published, Mock()) == found


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize(
    ("form", "why"), [({}, "no date has a training table yet"), ({"date": "2023-07-11"}, "no clicks of 2023-07-11")]
)
def test_without_logs_the_run_is_skipped(form: dict, why: str) -> None:
    ti = Mock()
    with pytest.raises(AirflowSkipException, match=why):
        find_dates({**FORM, **form}, {}, ti)
    assert ti.xcom_push.call_args.kwargs["key"] == MESSAGE


@pytest.mark.usefixtures("three_dates")
def test_without_a_champion_the_run_is_skipped(champion: Mock) -> None:
    champion.return_value = None
    with pytest.raises(AirflowSkipException, match="has no champion yet: run antm2c_retrain"):
        find_dates(FORM, {}, Mock())


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize(
    ("published", "retrain", "follows", "warns"),
    [
        ([FINE], True, [], False),
        ([FINE, WORSE], False, [], True),
        ([FINE, WORSE], True, [RETRAINING], True),
    ],
)
def test_a_warning_is_logged_and_may_start_a_retraining(
    published: list, retrain: bool, follows: list, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    events, command = {WATCH: SimpleNamespace()}, Mock(return_value={"published": published, "skipped": []})
    first, last = published[0]["date"], published[-1]["date"]
    assert watch([line["date"] for line in published], {**FORM, "retrain": retrain}, Mock(), events, command) == follows
    assert [f"{last}: it is worse"] * warns == [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert command.call_args.args[0] == "watch"
    assert (command.call_args.args[1]["start-date"], command.call_args.args[1]["end-date"]) == (first, last)
    assert events[WATCH].extra["says"] == published[-1]["says"]


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize("present", [Champion("2", "b", "", "c"), Champion("2", "a", "", "b"), None])
def test_a_warning_about_a_former_champion_starts_no_retraining(champion: Mock, present: Champion | None) -> None:
    """Old dates may be watched long after the champion has been replaced."""
    champion.return_value = present
    ti, events = Mock(), {WATCH: SimpleNamespace()}
    command = Mock(return_value={"published": [WORSE], "skipped": []})
    assert watch([WORSE["date"]], {**FORM, "retrain": True}, ti, events, command) == []
    assert events[WATCH].extra["says"] == "it is worse"


@pytest.mark.usefixtures("warehouse")
def test_however_often_the_watch_is_tried_it_asks_for_the_same_retraining() -> None:
    """A try may have published the warning and then died before the retraining was started."""
    tries = [Mock(), Mock()]
    for number, ti in enumerate(tries):
        command = Mock(return_value={"published": [{**WORSE, "date": f"2023-07-1{2 + number}"}], "skipped": []})
        assert watch(["2023-07-12"], {**FORM, "retrain": True}, ti, {WATCH: SimpleNamespace()}, command) == [RETRAINING]
        ti.xcom_push.assert_called_once_with(key=WARNED_ABOUT, value="a_version_1")


@pytest.mark.usefixtures("warehouse")
def test_only_the_dates_themselves_are_watched() -> None:
    published = {"2023-07-12": WORSE, "2023-07-14": {**WORSE, "date": "2023-07-14"}}

    def command(_: str, arguments: dict) -> dict:
        assert arguments["end-date"] == arguments["start-date"]
        return {"published": [published[arguments["start-date"]]], "skipped": []}

    events = {WATCH: SimpleNamespace()}
    assert watch([*published], {**FORM, "retrain": True}, Mock(), events, command) == [RETRAINING]
    assert events[WATCH].extra["watched"] == "2023-07-12, 2023-07-14"


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize("error", [WarehouseError("x is no date"), StorageError("the file system is gone")])
def test_a_warehouse_that_cannot_be_read_is_a_sentence(error: WarehouseError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.watch_tasks.Catalog", Mock(side_effect=error))
    with pytest.raises(TaskFailure, match=str(error)) as failed:
        find_dates(FORM, {}, Mock())
    assert failed.value.may_pass == isinstance(error, StorageError)


@pytest.mark.usefixtures("warehouse")
def test_without_a_champion_before_the_dates_the_run_is_skipped() -> None:
    skipped = [{"date": "2023-07-11", "why": "there was no champion before 2023-07-11"}]
    command = Mock(return_value={"published": [], "skipped": skipped})
    with pytest.raises(AirflowSkipException, match="there was no champion before 2023-07-11"):
        watch(["2023-07-11"], FORM, Mock(), {}, command)
