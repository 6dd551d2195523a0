"""Holding a date until its raw logs are there, and until the date before it is published and fresh."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from orchestration.telling import tell
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

_STATE = (DAILY_USER, FEATURES_USER, DAILY_ITEM, FEATURES_ITEM, DAILY_UI, FEATURES_UI)
_LOOK_AGAIN_SECONDS = 20.0


def lacking_raw(warehouse: str, dataset: str, day: str) -> list[str]:
    """A sentence where `day` has no raw file; nothing where it has one."""
    catalog = Catalog(warehouse, dataset)
    if catalog.files(RAW, day):
        return []
    return [f"no raw logs for {day}: put its CSV files into {catalog.uri(RAW, day)}"]


def lacking_history(warehouse: str, dataset: str, day: str) -> list[str]:
    """What the date before `day` lacks, a sentence each; nothing where `day` is the first date with logs."""
    catalog = Catalog(warehouse, dataset)
    freshness = Freshness(catalog)
    if not any(known < day for known in freshness.known_dates()):
        return []
    before = days_before(day, 1)
    if before not in freshness.known_dates():
        return [f"no raw logs for {before}: looked for {catalog.uri(RAW, before)}"]
    return freshness.problems((table, before) for table in _STATE)


_LACKING = {"raw": lacking_raw, "history": lacking_history}


class LackTrigger(BaseTrigger):
    """Fires with nothing lacking once `day` has what it needs, else at `give_up_at` with what is lacking.

    `needs` is raw or history. `give_up_at` is an instant in ISO format: it stays the same when the triggerer starts
    again.
    """

    def __init__(
        self,
        needs: str,
        warehouse: str,
        dataset: str,
        day: str,
        give_up_at: str,
        look_again_seconds: float = _LOOK_AGAIN_SECONDS,
    ) -> None:
        super().__init__()
        self.needs = needs
        self.place = {"warehouse": warehouse, "dataset": dataset, "day": day}
        self.give_up_at = give_up_at
        self.look_again_seconds = look_again_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The trigger's class and arguments."""
        times = {"give_up_at": self.give_up_at, "look_again_seconds": self.look_again_seconds}
        return f"{LackTrigger.__module__}.{LackTrigger.__qualname__}", {"needs": self.needs, **self.place, **times}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks again and again, and says what is lacking whenever that changes."""
        said: list[str] | None = None
        give_up_at = datetime.fromisoformat(self.give_up_at)
        while problems := await asyncio.to_thread(_LACKING[self.needs], **self.place):
            if datetime.now(UTC) >= give_up_at:
                break
            if problems != said:
                self.log.info("%s waits: %s", self.place["day"], "; ".join(problems))
                said = problems
            await asyncio.sleep(self.look_again_seconds)
        yield TriggerEvent(problems)


class WaitForDate(BaseOperator):
    """Waits, without holding a worker, until `day` has what it needs, and gives up after `at_most`."""

    needs: str
    template_fields = ("day",)

    def __init__(self, *, warehouse: str, dataset: str, day: str, at_most: timedelta, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.warehouse = warehouse
        self.dataset = dataset
        self.day = day
        self.at_most = at_most

    def execute(self, context: Context) -> None:
        """Goes on at once where nothing is lacking, else defers until then, or until `at_most` has passed."""
        problems = _LACKING[self.needs](self.warehouse, self.dataset, self.day)
        if not problems:
            self.go_on(context, problems)
            return
        self.log.info("%s waits: %s", self.day, "; ".join(problems))
        give_up_at = (datetime.now(UTC) + self.at_most).isoformat()
        trigger = LackTrigger(self.needs, self.warehouse, self.dataset, self.day, give_up_at)
        self.defer(trigger=trigger, method_name="go_on")

    def go_on(self, context: Context, event: list[str]) -> None:
        """Called when the trigger has fired. Gives up where something is still lacking."""
        if event:
            self.give_up(context, f"{self.day} has waited for {self.at_most}: {'; '.join(event)}")
        self.log.info("%s has what it needs", self.day)

    def give_up(self, context: Context, sentence: str) -> None:
        """Fails, without a retry."""
        raise AirflowFailException(sentence)


class WaitForRaw(WaitForDate):
    """Holds a scheduled run until its date has raw logs, and skips it in the end; any other run fails at once.

    Who runs a date by hand or in a backfill means that date: nothing is to come.
    """

    needs = "raw"

    def execute(self, context: Context) -> None:
        """As the base class, for scheduled runs. Raises AirflowFailException where another run has no raw logs."""
        problems = lacking_raw(self.warehouse, self.dataset, self.day)
        if problems and context["dag_run"].run_type != "scheduled":
            raise AirflowFailException("; ".join(problems))
        super().execute(context)

    def give_up(self, context: Context, sentence: str) -> None:
        """Skips the date."""
        tell(context["ti"], sentence)
        raise AirflowSkipException(sentence)


class WaitForHistory(WaitForDate):
    """Holds a date until the features of the date before are published and fresh."""

    needs = "history"
