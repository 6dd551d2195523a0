"""Whether a published partition still follows from what is published now."""

import functools
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from threading import RLock
from typing import Any, TypeVar

from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.manifest import Input, Manifest
from warehouse.tables import LOGS, RAW, TABLES, Table

_LONGEST_GAP_DAYS = 1100  # three years
_Answer = TypeVar("_Answer")


class State(StrEnum):
    """What a reader may expect of a partition."""

    FRESH = "fresh"
    STALE = "stale"
    LEAKY = "leaky"  # made to measure leakage, and of no other use
    MISSING = "missing"


@dataclass(frozen=True)
class Verdict:
    """A partition's state and, where it is not fresh, the reason as the end of a sentence.

    `cause` is what the reason comes down to: all partitions that late data made stale have the same one.
    """

    state: State
    reason: str = ""
    cause: str = ""

    @property
    def fresh(self) -> bool:
        """Whether the partition may be read."""
        return self.state is State.FRESH


_FRESH = Verdict(State.FRESH)


def _one_at_a_time(method: Callable[..., _Answer]) -> Callable[..., _Answer]:
    @functools.wraps(method)
    def locked(self: "Freshness", *arguments: Any) -> _Answer:
        with self._lock:
            return method(self, *arguments)

    return locked


class Freshness:
    """The verdicts on one dataset at one moment: each manifest and listing is read once, on first use.

    Threads may share it.

    A partition is fresh while every input is still published at the recorded version and is itself fresh, while what
    was absent is still absent, and while no logs are older than the first date its cumulative values began with.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._manifests: dict[tuple[str, str], Manifest | None] = {}
        self._raw_versions: dict[str, str | None] = {}
        self._dates: dict[str, list[str]] = {}
        self._judged_up_to: dict[str, str] = defaultdict(str)
        self._lock = RLock()

    @_one_at_a_time
    def verdict(self, table: Table, date: str) -> Verdict:
        """The state of one partition."""
        if self.manifest(table, date) is None:  # whoever waits for it asks often, and need not read its history
            return self._judge(table, date)
        # A snapshot rests on the one before it: judging the dates in ascending order keeps the recursion flat.
        dates = self.dates(table)
        for earlier in dates[bisect_right(dates, self._judged_up_to[table.folder]) : bisect_left(dates, date)]:
            self._judged_up_to[table.folder] = earlier
            self._judge(table, earlier)
        return self._judge(table, date)

    @_one_at_a_time
    def dates(self, table: Table) -> list[str]:
        """The published dates of a table, ascending."""
        if table.folder not in self._dates:
            self._dates[table.folder] = self._catalog.dates(table)
        return self._dates[table.folder]

    def known_dates(self) -> list[str]:
        """Every date with logs: those received and those published, ascending.

        Raises WarehouseError where one lies years from the next: a mistyped folder would make years of missing days.
        """
        known = sorted({*self.dates(RAW), *self.dates(LOGS)})
        for earlier, later in pairwise(known):
            if days_before(later, _LONGEST_GAP_DAYS) > earlier:
                raise WarehouseError(
                    f"no logs lie between {earlier} and {later}: one of the folders of these dates must be mistyped "
                    f"in {self._catalog.storage.root}; rename or remove it"
                )
        return known

    @_one_at_a_time
    def manifest(self, table: Table, date: str) -> Manifest | None:
        """The manifest of a published partition, or None."""
        key = (table.folder, date)
        if key not in self._manifests:
            self._manifests[key] = self._catalog.manifest(table, date)
        return self._manifests[key]

    @_one_at_a_time
    def republished(self, table: Table, date: str) -> None:
        """Takes note of a partition published since. None rests on a later date: the verdicts before it hold."""
        self._manifests.pop((table.folder, date), None)
        self._dates.pop(table.folder, None)
        self._verdicts = {key: verdict for key, verdict in self._verdicts.items() if key[1] < date}
        for folder, last in self._judged_up_to.items():
            self._judged_up_to[folder] = min(last, days_before(date, 1))

    def problems(self, wanted: Iterable[tuple[Table, str]]) -> list[str]:
        """One sentence for each partition that is stale or missing."""
        sentences = []
        for table, date in wanted:
            verdict = self.verdict(table, date)
            if not verdict.fresh:
                name = table.name(self._catalog.dataset)
                sentences.append(f"{name} date={date} is {verdict.state}: {verdict.reason}")
        return sentences

    def _judge(self, table: Table, date: str) -> Verdict:
        key = (table.folder, date)
        if key not in self._verdicts:
            self._verdicts[key] = self._examine(table, date)
        return self._verdicts[key]

    def _examine(self, table: Table, date: str) -> Verdict:
        manifest = self.manifest(table, date)
        if manifest is None:
            reason = f"nothing is published at {self._catalog.uri(table, date)}"
            return Verdict(State.MISSING, reason, cause=reason)
        if manifest.parameters.get("feature_lag_days", 1) < 1:
            reason = "it was joined with features of its own day, for a leakage audit only"
            return Verdict(State.LEAKY, reason, cause=reason)
        reason = self._outdated(manifest)
        if reason:
            return Verdict(State.STALE, reason, cause=reason)
        for source in manifest.inputs:
            reason = self._changed(source)
            if reason:
                return Verdict(State.STALE, reason, cause=reason)
            verdict = self._input_verdict(source)
            if not verdict.fresh:
                # Not the input's reason: along a history of snapshots, reasons of reasons grow with every date.
                reason = f"{source.table} date={source.date} is {verdict.state}, as {verdict.cause}"
                return Verdict(State.STALE, reason, verdict.cause)
        return _FRESH

    def _outdated(self, manifest: Manifest) -> str:
        if manifest.columns != [list(column) for column in TABLES[manifest.table].columns]:
            return "its table has other columns now"
        first_logs = next(iter(self.dates(LOGS)), manifest.date)
        if manifest.history_start and first_logs < manifest.history_start:
            return f"it was computed when history began on {manifest.history_start}"
        return ""

    def _changed(self, source: Input) -> str:
        table, name = TABLES[source.table], f"{source.table} date={source.date}"
        if table is RAW:
            now = self._raw_version(source.date)
            # Raw files may be archived once their logs are published.
            return f"{name} has changed since" if now not in (source.version, None) else ""
        manifest = self.manifest(table, source.date)
        now = manifest.version if manifest else None
        if now == source.version:
            return ""
        happened = "was withdrawn" if now is None else "arrived later" if source.version is None else "has changed"
        return f"{name} {happened}"

    def _input_verdict(self, source: Input) -> Verdict:
        table = TABLES[source.table]
        return _FRESH if table is RAW or source.version is None else self.verdict(table, source.date)

    def _raw_version(self, date: str) -> str | None:
        if date not in self._raw_versions:
            self._raw_versions[date] = self._catalog.version(RAW, date)
        return self._raw_versions[date]
