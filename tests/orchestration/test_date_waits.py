"""Holding a date until its raw logs and the date before it are there."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from orchestration import date_waits
from orchestration.date_waits import DateTrigger, WaitForHistory, WaitForRaw, history_problems, raw_problems
from orchestration.task_failures import TaskFailure
from orchestration.task_messages import MESSAGE, NEEDED_DATE
from tests.dags.conftest import DATASET, HandMadeWarehouse
from warehouse.catalog import Catalog
from warehouse.errors import StorageError
from warehouse.tables import (
    DAILY_ITEM,
    DAILY_UI,
    DAILY_USER,
    FEATURES_ITEM,
    FEATURES_UI,
    FEATURES_USER,
    LOGS,
    RAW,
    SEQUENCES_USER,
)

STATE = (DAILY_USER, FEATURES_USER, DAILY_ITEM, FEATURES_ITEM, DAILY_UI, FEATURES_UI, SEQUENCES_USER)
FIRST, SECOND, THIRD = "2023-07-10", "2023-07-11", "2023-07-12"


@pytest.fixture(autouse=True)
def at_work(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The dates that an active run is for."""
    dates = {FIRST, SECOND, THIRD}
    monkeypatch.setattr(date_waits, "is_at_work", dates.__contains__)
    return dates


@pytest.fixture
def two_dates(warehouse: HandMadeWarehouse) -> HandMadeWarehouse:
    """Two dates received, the first computed."""
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    warehouse.publish_from_logs(FIRST, *STATE)
    return warehouse


def waiting(warehouse: HandMadeWarehouse, max_wait: timedelta = timedelta(hours=12)) -> WaitForHistory:
    return WaitForHistory(
        task_id="wait", warehouse=warehouse.uri, dataset=DATASET, day=SECOND, max_wait=max_wait, doc_md="Waits."
    )


def fired(trigger: DateTrigger, meanwhile: list) -> list[str]:
    """What the trigger fires with, when the things in `meanwhile` happen one after another while it looks."""

    async def first_event() -> list[str]:
        events = trigger.run()
        event = asyncio.create_task(anext(events))
        for happens in meanwhile:
            await asyncio.sleep(0.2)
            assert not event.done()
            happens()
        fired_with = (await asyncio.wait_for(event, timeout=5)).payload
        await events.aclose()
        return fired_with

    return asyncio.run(first_event())


def trigger_for_second(warehouse: HandMadeWarehouse, patience: timedelta = timedelta(hours=1)) -> DateTrigger:
    give_up_at = (datetime.now(UTC) + patience).isoformat()
    return DateTrigger("history", warehouse.uri, DATASET, SECOND, give_up_at, poll_seconds=0.02)


def test_the_first_date_lacks_nothing(warehouse: HandMadeWarehouse) -> None:
    warehouse.receive(FIRST)
    assert history_problems(warehouse.uri, DATASET, FIRST) == []


def test_dates_after_it_do_not_hold_a_date(warehouse: HandMadeWarehouse) -> None:
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    assert history_problems(warehouse.uri, DATASET, FIRST) == []


def test_a_date_whose_day_before_was_never_received_lacks_its_raw_logs(two_dates: HandMadeWarehouse) -> None:
    later = "2023-07-13"
    two_dates.receive(later)
    [sentence] = history_problems(two_dates.uri, DATASET, later)
    assert "no raw logs for 2023-07-12" in sentence
    assert f"put its CSV files into {two_dates.catalog.uri(RAW, '2023-07-12')}" in sentence


def test_every_table_of_the_date_before_that_is_missing_is_named(two_dates: HandMadeWarehouse) -> None:
    two_dates.receive(THIRD)
    two_dates.publish_from_logs(SECOND, DAILY_USER, FEATURES_USER)
    sentences = history_problems(two_dates.uri, DATASET, THIRD)
    named = [sentence.split(" is ")[0] for sentence in sentences]
    assert named == [f"{table.name(DATASET)} date={SECOND}" for table in STATE[2:]]
    assert all("is missing" in sentence for sentence in sentences)


def test_while_the_date_before_is_missing_no_earlier_history_is_read(
    two_dates: HandMadeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The triggerer asks every few seconds for every date that waits."""
    two_dates.receive(THIRD)
    read, manifest = [], Catalog.manifest
    monkeypatch.setattr(Catalog, "manifest", lambda self, table, date: read.append(date) or manifest(self, table, date))
    assert len(history_problems(two_dates.uri, DATASET, THIRD)) == len(STATE)
    assert read == [SECOND] * len(STATE)


def test_a_date_lacks_what_is_stale_on_the_date_before(two_dates: HandMadeWarehouse) -> None:
    two_dates.publish(LOGS, FIRST, content="other rows")
    sentences = history_problems(two_dates.uri, DATASET, SECOND)
    assert len(sentences) == len(STATE)
    assert all("is stale: logs date=2023-07-10 has changed" in sentence for sentence in sentences)


def test_a_date_lacks_nothing_when_all_of_the_date_before_is_fresh(two_dates: HandMadeWarehouse) -> None:
    assert history_problems(two_dates.uri, DATASET, SECOND) == []


def test_a_task_that_lacks_nothing_does_not_defer(two_dates: HandMadeWarehouse) -> None:
    waiting(two_dates).execute({})


def test_a_date_waits_only_while_a_run_is_at_work_on_the_date_before(
    warehouse: HandMadeWarehouse, at_work: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A waiting date keeps its run active, and with it a slot of the backfill that the date before may need."""
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    at_work.remove(FIRST)
    instance = Mock()
    with pytest.raises(TaskFailure) as failure:
        waiting(warehouse).execute({"ti": instance})
    sentence = str(failure.value)
    assert sentence.startswith(f"{SECOND} needs the tables of {FIRST}, but no run is processing that date: ")
    assert f"{DAILY_USER.name(DATASET)} date={FIRST} is missing" in sentence
    assert sentence.endswith(
        f"Run {FIRST} in antm2c_etl_daily, or clear the failed task of its run. Then {SECOND} continues by itself"
    )
    assert not failure.value.may_pass
    instance.xcom_push.assert_called_once_with(key=NEEDED_DATE, value={"dataset": DATASET, "date": FIRST})
    assert "Traceback" not in capsys.readouterr().out


def test_a_run_that_ends_while_it_is_asked_about_has_published_its_tables(
    warehouse: HandMadeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)

    def ends(_: str) -> bool:
        warehouse.publish_from_logs(FIRST, *STATE)
        return False

    monkeypatch.setattr(date_waits, "is_at_work", ends)
    waiting(warehouse).execute({})


def test_a_run_is_asked_for_by_the_logical_date_of_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    count = Mock(return_value=1)
    monkeypatch.setattr("airflow.sdk.execution_time.task_runner.RuntimeTaskInstance.get_dr_count", count)
    assert date_waits.is_at_work(FIRST)
    midnight = datetime(2023, 7, 10, tzinfo=UTC)
    count.assert_called_once_with(dag_id="antm2c_etl_daily", logical_dates=[midnight], states=["running"])
    count.return_value = 0
    assert not date_waits.is_at_work(FIRST)


def test_a_task_that_lacks_something_defers_with_all_the_trigger_needs(warehouse: HandMadeWarehouse) -> None:
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    before = datetime.now(UTC)
    with pytest.raises(TaskDeferred) as deferred:
        waiting(warehouse, max_wait=timedelta(hours=12)).execute({})
    path, arguments = deferred.value.trigger.serialize()
    again = DateTrigger(**arguments)
    assert path == "orchestration.date_waits.DateTrigger"
    assert again.needs == "history"
    assert again.partition == {"warehouse": warehouse.uri, "dataset": DATASET, "day": SECOND}
    assert timedelta(hours=12) <= datetime.fromisoformat(again.give_up_at) - before < timedelta(hours=12, minutes=1)
    assert deferred.value.method_name == "finish"


def test_the_trigger_fires_when_the_last_missing_table_arrives(warehouse: HandMadeWarehouse) -> None:
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    arrivals = [
        lambda: warehouse.publish_from_logs(FIRST, *STATE[:-1]),
        lambda: warehouse.publish(STATE[-1], FIRST, warehouse.catalog.input(LOGS, FIRST)),
    ]
    assert fired(trigger_for_second(warehouse), arrivals) == []


def test_the_trigger_fires_when_what_was_stale_is_computed_anew(two_dates: HandMadeWarehouse) -> None:
    two_dates.publish(LOGS, FIRST, content="late rows")
    assert fired(trigger_for_second(two_dates), [lambda: two_dates.publish_from_logs(FIRST, *STATE)]) == []


def test_the_trigger_gives_up_in_time_and_says_what_is_lacking(warehouse: HandMadeWarehouse) -> None:
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    event = fired(trigger_for_second(warehouse, patience=timedelta(seconds=0.1)), [])
    assert event == history_problems(warehouse.uri, DATASET, SECOND)


def test_the_trigger_gives_up_when_the_run_of_the_date_before_ends_without_its_tables(
    warehouse: HandMadeWarehouse, at_work: set[str]
) -> None:
    warehouse.receive(FIRST)
    warehouse.receive(SECOND)
    event = fired(trigger_for_second(warehouse), [lambda: at_work.remove(FIRST)])
    assert event == history_problems(warehouse.uri, DATASET, SECOND)


def test_the_trigger_waits_for_a_file_system_that_is_down(
    two_dates: HandMadeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        down.setitem(date_waits._PROBLEMS, "history", Mock(side_effect=StorageError("no NameNode")))
        assert fired(trigger_for_second(two_dates), [down.undo]) == []


def test_the_task_goes_on_once_the_trigger_has_fired(warehouse: HandMadeWarehouse) -> None:
    waiting(warehouse).finish({}, event=[])


def test_a_wait_in_vain_fails_without_a_retry_and_says_what_is_lacking(warehouse: HandMadeWarehouse) -> None:
    with pytest.raises(TaskFailure, match=r"^2023-07-11 needs the tables of 2023-07-10, .*: the features are missing"):
        waiting(warehouse).finish({"ti": Mock()}, event=["the features are missing"])


def test_a_file_system_that_is_down_is_tried_again(
    warehouse: HandMadeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(date_waits._PROBLEMS, "history", Mock(side_effect=StorageError("no NameNode")))
    with pytest.raises(TaskFailure, match="no NameNode") as failure:
        waiting(warehouse).execute({})
    assert failure.value.may_pass


def test_a_mistyped_folder_is_named(warehouse: HandMadeWarehouse) -> None:
    warehouse.receive("2032-07-10")
    warehouse.receive(FIRST)
    with pytest.raises(TaskFailure, match="must be wrong"):
        waiting(warehouse).execute({"ti": Mock()})


def run_of(run_type: str, **params: str) -> dict:
    return {"dag_run": SimpleNamespace(run_type=run_type), "params": params}


def waiting_for_raw(warehouse: HandMadeWarehouse) -> WaitForRaw:
    six_hours = timedelta(hours=6)
    return WaitForRaw(task_id="raw", warehouse=warehouse.uri, dataset=DATASET, day=FIRST, max_wait=six_hours)


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "backfill"])
def test_a_date_with_raw_logs_goes_on(warehouse: HandMadeWarehouse, run_type: str) -> None:
    warehouse.receive(FIRST)
    waiting_for_raw(warehouse).execute(run_of(run_type))


@pytest.mark.parametrize("run_type", ["manual", "backfill"])
def test_a_date_that_is_asked_for_and_has_no_raw_logs_fails_by_name(
    warehouse: HandMadeWarehouse, run_type: str
) -> None:
    with pytest.raises(TaskFailure, match=f"no raw logs for {FIRST}: .*raw_{DATASET}/date={FIRST}"):
        waiting_for_raw(warehouse).execute(run_of(run_type))


def test_a_date_in_the_form_of_a_backfill_is_refused(warehouse: HandMadeWarehouse) -> None:
    """Every run of the backfill would process this one date."""
    warehouse.receive(FIRST)
    with pytest.raises(
        TaskFailure, match=f"every run of this backfill would process the same date, {FIRST}, .* leave Date empty"
    ) as failure:
        waiting_for_raw(warehouse).execute(run_of("backfill", run_date=FIRST))
    assert not failure.value.may_pass
    waiting_for_raw(warehouse).execute(run_of("manual", run_date=FIRST))


def test_a_scheduled_date_is_waited_for(warehouse: HandMadeWarehouse) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        waiting_for_raw(warehouse).execute(run_of("scheduled"))
    _, arguments = deferred.value.trigger.serialize()
    trigger = DateTrigger(**{**arguments, "poll_seconds": 0.02})
    assert fired(trigger, [lambda: warehouse.receive(FIRST)]) == []


def test_a_scheduled_date_that_never_comes_is_skipped_with_the_reason(warehouse: HandMadeWarehouse) -> None:
    instance = Mock()
    with pytest.raises(
        AirflowSkipException, match=f"was skipped after waiting for 6:00:00: no raw logs for {FIRST}"
    ) as skipped:
        waiting_for_raw(warehouse).finish(
            {"ti": instance, **run_of("scheduled")}, event=raw_problems(warehouse.uri, DATASET, FIRST)
        )
    instance.xcom_push.assert_called_once_with(key=MESSAGE, value=str(skipped.value))


def test_a_folder_without_files_is_no_raw_logs(warehouse: HandMadeWarehouse) -> None:
    warehouse.catalog.storage.make_folder(warehouse.catalog.path(RAW, FIRST))
    assert raw_problems(warehouse.uri, DATASET, FIRST)
