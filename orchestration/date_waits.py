"""Tasks that wait until a date has its raw logs, and until the date before it is published and fresh."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from orchestration.task_messages import leave_message
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.tables import (
    DAILY_ITEM,
    DAILY_UI,
    DAILY_USER,
    FEATURES_ITEM,
    FEATURES_UI,
    FEATURES_USER,
    RAW,
)

_HISTORY_TABLES = (DAILY_USER, FEATURES_USER, DAILY_ITEM, FEATURES_ITEM, DAILY_UI, FEATURES_UI)
_POLL_SECONDS = 20.0


def raw_problems(warehouse: str, dataset: str, day: str) -> list[str]:
    """One sentence if `day` has no raw file, otherwise nothing."""
    catalog = Catalog(warehouse, dataset)
    if catalog.files(RAW, day):
        return []
    return [f"no raw logs for {day}: put its CSV files into {catalog.uri(RAW, day)}"]


def history_problems(warehouse: str, dataset: str, day: str) -> list[str]:
    """One sentence for each table of the date before `day` that is missing or stale.

    Empty if `day` is the first date with logs.
    """
    catalog = Catalog(warehouse, dataset)
    freshness = Freshness(catalog)
    if not any(known < day for known in freshness.known_dates()):
        return []
    before = days_before(day, 1)
    if before not in freshness.known_dates():
        return [f"no raw logs for {before}: looked for {catalog.uri(RAW, before)}"]
    return freshness.problems((table, before) for table in _HISTORY_TABLES)


_PROBLEMS = {"raw": raw_problems, "history": history_problems}


class DateTrigger(BaseTrigger):
    """Fires with an empty list once `day` has what it needs, or at `give_up_at` with a sentence for each problem left.

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
        """Check again and again, and log the problems whenever they change."""
        logged: list[str] | None = None
        give_up_at = datetime.fromisoformat(self.give_up_at)
        while problems := await asyncio.to_thread(_PROBLEMS[self.needs], **self.partition):
            if datetime.now(UTC) >= give_up_at:
                break
            if problems != logged:
                self.log.info("%s waits: %s", self.partition["day"], "; ".join(problems))
                logged = problems
            await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent(problems)


class WaitForDate(BaseOperator):
    """Waits until `day` has what it needs, without occupying a worker. Fails after `max_wait`."""

    needs: str
    template_fields = ("day",)

    def __init__(self, *, warehouse: str, dataset: str, day: str, max_wait: timedelta, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.warehouse = warehouse
        self.dataset = dataset
        self.day = day
        self.max_wait = max_wait

    def execute(self, context: Context) -> None:
        """Finish at once if there are no problems. Otherwise defer to a trigger."""
        problems = _PROBLEMS[self.needs](self.warehouse, self.dataset, self.day)
        if not problems:
            self.finish(context, problems)
            return
        self.log.info("%s waits: %s", self.day, "; ".join(problems))
        give_up_at = (datetime.now(UTC) + self.max_wait).isoformat()
        trigger = DateTrigger(self.needs, self.warehouse, self.dataset, self.day, give_up_at)
        self.defer(trigger=trigger, method_name="finish")

    def finish(self, context: Context, event: list[str]) -> None:
        """End the task with the problems that are left. Airflow calls this when the trigger has fired."""
        if event:
            self.give_up(context, f"{self.day} waited for {self.max_wait} in vain: {'; '.join(event)}")
        self.log.info("%s has what it needs", self.day)

    def give_up(self, context: Context, reason: str) -> None:
        raise AirflowFailException(reason)


class WaitForRaw(WaitForDate):
    """Waits in a scheduled run until its date has raw logs, and skips the run if none arrive. Fails at once in others.

    A run by hand or a backfill asks for a particular date, whose logs should already be there.
    """

    needs = "raw"

    def execute(self, context: Context) -> None:
        problems = raw_problems(self.warehouse, self.dataset, self.day)
        if problems and context["dag_run"].run_type != "scheduled":
            raise AirflowFailException("; ".join(problems))
        super().execute(context)

    def give_up(self, context: Context, reason: str) -> None:
        leave_message(context["ti"], reason)
        raise AirflowSkipException(reason)


class WaitForHistory(WaitForDate):
    """Waits until the features of the date before `day` are published and fresh."""

    needs = "history"
