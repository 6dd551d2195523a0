"""Holding a date until the date before it is published and fresh."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

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


def lacking(warehouse: str, dataset: str, day: str) -> list[str]:
    """What the date before `day` lacks, a sentence each; nothing where `day` is the first date with logs."""
    catalog = Catalog(warehouse, dataset)
    freshness = Freshness(catalog)
    if not any(known < day for known in freshness.known_dates()):
        return []
    before = days_before(day, 1)
    if before not in freshness.known_dates():
        return [f"no raw logs for {before}: looked for {catalog.uri(RAW, before)}"]
    return freshness.problems((table, before) for table in _STATE)


class HistoryTrigger(BaseTrigger):
    """Fires with nothing lacking once the date before `day` is published and fresh, else at `give_up_at` with what is.

    `give_up_at` is an instant in ISO format: it stays the same when the triggerer starts again.
    """

    def __init__(
        self, warehouse: str, dataset: str, day: str, give_up_at: str, look_again_seconds: float = _LOOK_AGAIN_SECONDS
    ) -> None:
        super().__init__()
        self.place = {"warehouse": warehouse, "dataset": dataset, "day": day}
        self.give_up_at = give_up_at
        self.look_again_seconds = look_again_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The trigger's class and arguments."""
        times = {"give_up_at": self.give_up_at, "look_again_seconds": self.look_again_seconds}
        return f"{HistoryTrigger.__module__}.{HistoryTrigger.__qualname__}", {**self.place, **times}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks again and again, and says what is lacking whenever that changes."""
        said: list[str] | None = None
        give_up_at = datetime.fromisoformat(self.give_up_at)
        while problems := await asyncio.to_thread(lacking, **self.place):
            if datetime.now(UTC) >= give_up_at:
                break
            if problems != said:
                self.log.info("%s waits: %s", self.place["day"], "; ".join(problems))
                said = problems
            await asyncio.sleep(self.look_again_seconds)
        yield TriggerEvent(problems)


class WaitForHistory(BaseOperator):
    """Waits, without holding a worker, until the features of the date before are published and fresh."""

    template_fields = ("day",)

    def __init__(self, *, warehouse: str, dataset: str, day: str, at_most: timedelta, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.warehouse = warehouse
        self.dataset = dataset
        self.day = day
        self.at_most = at_most

    def execute(self, context: Context) -> None:
        """Goes on at once where nothing is lacking, else defers until then, or until `at_most` has passed."""
        problems = lacking(self.warehouse, self.dataset, self.day)
        if not problems:
            self.go_on(context, problems)
            return
        self.log.info("%s waits: %s", self.day, "; ".join(problems))
        give_up_at = (datetime.now(UTC) + self.at_most).isoformat()
        trigger = HistoryTrigger(self.warehouse, self.dataset, self.day, give_up_at)
        self.defer(trigger=trigger, method_name="go_on")

    def go_on(self, context: Context, event: list[str]) -> None:
        """Called when the trigger has fired. Fails, without a retry, where something is still lacking."""
        if event:
            raise AirflowFailException(f"{self.day} has waited for {self.at_most}: {'; '.join(event)}")
        self.log.info("The date before %s is published and fresh", self.day)
