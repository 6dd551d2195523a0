"""Tasks that wait until the raw logs of a date have arrived, and until the date before it is published and fresh.

A waiting task must not block what it waits for. It keeps its run active, and a backfill has only so many active runs.
Therefore a date waits for the date before it only while another run is processing that date. Otherwise it fails at
once, and the plugin waiting_dates clears it when the date before it is published.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from orchestration.run_dates import DAILY
from orchestration.task_failures import fail, skip
from orchestration.task_messages import NEEDED_DATE
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.errors import StorageError, WarehouseError
from warehouse.freshness import Freshness
from warehouse.tables import (
    DAILY_ITEM,
    DAILY_UI,
    DAILY_USER,
    FEATURES_ITEM,
    FEATURES_UI,
    FEATURES_USER,
    RAW,
    SEQUENCES_USER,
)

_HISTORY_TABLES = (DAILY_USER, FEATURES_USER, DAILY_ITEM, FEATURES_ITEM, DAILY_UI, FEATURES_UI, SEQUENCES_USER)
_POLL_SECONDS = 20.0


def raw_problems(warehouse: str, dataset: str, day: str) -> list[str]:
    """Return one sentence if there are no raw files for `day`, otherwise an empty list."""
    catalog = Catalog(warehouse, dataset)
    if catalog.files(RAW, day):
        return []
    return [f"no raw logs for {day}: put its CSV files into {catalog.uri(RAW, day)}"]


def history_problems(warehouse: str, dataset: str, day: str) -> list[str]:
    """Return one sentence for each table of the date before `day` that is missing or stale.

    The list is empty if `day` is the first date with logs.
    """
    catalog = Catalog(warehouse, dataset)
    freshness = Freshness(catalog)
    if not any(known < day for known in freshness.known_dates()):
        return []
    before = days_before(day, 1)
    if before not in freshness.known_dates():
        return raw_problems(warehouse, dataset, before)
    return freshness.problems((table, before) for table in _HISTORY_TABLES)


def is_at_work(day: str) -> bool:
    """Return whether a run of the daily DAG for `day` is active. Works in tasks and in triggers."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # loads what a DAG file does not need

    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return RuntimeTaskInstance.get_dr_count(dag_id=DAILY, logical_dates=[midnight], states=["running"]) > 0


_PROBLEMS = {"raw": raw_problems, "history": history_problems}


def _look(needs: str, warehouse: str, dataset: str, day: str) -> tuple[list[str], bool]:
    """Return what `day` still lacks, and whether it may come without anybody's help."""
    # Asked first: a run that ends after this has published its tables before the second question.
    may_pass = needs == "raw" or is_at_work(days_before(day, 1))
    try:
        return _PROBLEMS[needs](warehouse, dataset, day), may_pass
    except StorageError:
        raise
    except WarehouseError as error:
        return [str(error)], False


class DateTrigger(BaseTrigger):
    """Fires with an empty list when `day` has what it needs: its raw logs, or the tables of the date before it.

    It fires with a sentence for each problem at `give_up_at`, or when waiting longer would not help.

    needs: raw or history. give_up_at: a time in ISO format, so that it stays the same if the triggerer restarts.
    """

    def __init__(
        self,
        needs: str,
        warehouse: str,
        dataset: str,
        day: str,
        give_up_at: str,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        super().__init__()
        self.needs = needs
        self.partition = {"warehouse": warehouse, "dataset": dataset, "day": day}
        self.give_up_at = give_up_at
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        times = {"give_up_at": self.give_up_at, "poll_seconds": self.poll_seconds}
        return f"{DateTrigger.__module__}.{DateTrigger.__qualname__}", {"needs": self.needs, **self.partition, **times}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Check regularly, and log the problems whenever they change."""
        logged: list[str] | None = None
        give_up_at = datetime.fromisoformat(self.give_up_at)
        while True:
            problems, may_pass = await asyncio.to_thread(self._look)
            if not problems or not may_pass or datetime.now(UTC) >= give_up_at:
                break
            if problems != logged:
                self.log.info("%s is waiting: %s", self.partition["day"], "; ".join(problems))
                logged = problems
            await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent(problems)

    def _look(self) -> tuple[list[str], bool]:
        try:
            return _look(self.needs, **self.partition)
        except StorageError as error:
            return [str(error)], True


class WaitForDate(BaseOperator):
    """Waits until `day` has what it needs, without occupying a worker. Gives up after `max_wait`."""

    needs: str
    template_fields = ("day",)

    def __init__(self, *, warehouse: str, dataset: str, day: str, max_wait: timedelta, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.warehouse = warehouse
        self.dataset = dataset
        self.day = day
        self.max_wait = max_wait

    def execute(self, context: Context) -> None:
        """Finish if nothing is missing, or if waiting would not help. Otherwise defer to a trigger."""
        try:
            problems, may_pass = _look(self.needs, self.warehouse, self.dataset, self.day)
        except StorageError as error:
            fail(self.log, str(error), may_pass=True)
        if not problems or not self.may_wait(context, may_pass):
            self.finish(context, problems)
            return
        self.log.info("%s is waiting: %s", self.day, "; ".join(problems))
        give_up_at = (datetime.now(UTC) + self.max_wait).isoformat()
        trigger = DateTrigger(self.needs, self.warehouse, self.dataset, self.day, give_up_at)
        self.defer(trigger=trigger, method_name="finish")

    def finish(self, context: Context, event: list[str]) -> None:
        """End the task. Airflow calls this with the remaining problems when the trigger has fired."""
        if event:
            self.give_up(context, event)
        self.log.info("%s has what it needs", self.day)

    def may_wait(self, context: Context, may_pass: bool) -> bool:
        return may_pass

    def give_up(self, context: Context, problems: list[str]) -> NoReturn:
        raise NotImplementedError


class WaitForRaw(WaitForDate):
    """In a scheduled run, waits until raw logs have arrived, and skips the run if none do. Other runs fail at once.

    Whoever starts a run by hand or a backfill asks for particular dates, whose logs should already be there.
    """

    needs = "raw"

    def execute(self, context: Context) -> None:
        asked = context["params"].get("run_date")
        if asked and context["dag_run"].run_type == "backfill":
            fail(
                self.log,
                f"every run of this backfill would process the same date, {asked}, because the field Date is filled "
                "in: start another backfill and leave Date empty",
            )
        super().execute(context)

    def may_wait(self, context: Context, may_pass: bool) -> bool:
        return context["dag_run"].run_type == "scheduled"

    def give_up(self, context: Context, problems: list[str]) -> NoReturn:
        if not self.may_wait(context, may_pass=False):
            fail(self.log, "; ".join(problems))
        skip(context["ti"], f"{self.day} was skipped after waiting for {self.max_wait}: {'; '.join(problems)}")


class WaitForHistory(WaitForDate):
    """Waits until the features of the date before `day` are published and fresh, while a run is processing that date.

    If no run is processing it, the task fails, and leaves the date in XCom for the plugin waiting_dates.
    """

    needs = "history"

    def give_up(self, context: Context, problems: list[str]) -> NoReturn:
        before = days_before(self.day, 1)
        context["ti"].xcom_push(key=NEEDED_DATE, value={"dataset": self.dataset, "date": before})
        at_work = is_at_work(before)
        why = f"its run has not ended within {self.max_wait}" if at_work else "no run is processing that date"
        fail(
            self.log,
            f"{self.day} needs the tables of {before}, but {why}: {'; '.join(problems)}. "
            f"Run {before} in {DAILY}, or clear the failed task of its run. Then {self.day} continues by itself",
        )
