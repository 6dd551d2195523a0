"""Tell whether published partitions are still up to date with the data they were computed from."""

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
_Result = TypeVar("_Result")


class State(StrEnum):
    """The state of a partition. Only fresh partitions may be read."""

    FRESH = "fresh"
    STALE = "stale"
    LEAKY = "leaky"  # joined with features of its own day, only to measure leakage
    MISSING = "missing"


@dataclass(frozen=True)
class Verdict:
    """The state of a partition and, if it is not fresh, the reason (a clause without a final full stop).

    `cause` is the original reason. All partitions that became stale because of the same late data share it.
    """

    state: State
    reason: str = ""
    cause: str = ""

    @property
    def fresh(self) -> bool:
        return self.state is State.FRESH

    def to_run(self, itself: str) -> str:
        """Return what to run: `itself`, which makes the partition, unless what it was made from is stale."""
        return itself if self.cause == self.reason else "the stages as `python -m warehouse status` says"


_FRESH = Verdict(State.FRESH)


def _locked(method: Callable[..., _Result]) -> Callable[..., _Result]:
    @functools.wraps(method)
    def with_lock(self: "Freshness", *arguments: Any) -> _Result:
        with self._lock:
            return method(self, *arguments)

    return with_lock


class Freshness:
    """Judges the partitions of a dataset. Each manifest and folder is read only once, so an instance is a snapshot.

    A partition is fresh if every input is still published in the recorded version and is itself fresh, if inputs
    recorded as absent are still absent, and if no logs have arrived that are older than its cumulative values.
    An instance may be shared between threads.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._manifests: dict[tuple[str, str], Manifest | None] = {}
        self._raw_has_changed: dict[Input, bool] = {}
        self._dates: dict[str, list[str]] = {}
        self._scenes: int | None = None
        self._examined_up_to: dict[str, str] = defaultdict(str)
        self._lock = RLock()

    @_locked
    def verdict(self, table: Table, date: str) -> Verdict:
        if self.manifest(table, date) is None:  # tasks that wait ask often, and need not read the history
            return self._known_verdict(table, date)
        # A snapshot depends on the one before it: examining the dates in ascending order keeps the recursion flat.
        dates = self.dates(table)
        for earlier in dates[bisect_right(dates, self._examined_up_to[table.folder]) : bisect_left(dates, date)]:
            self._examined_up_to[table.folder] = earlier
            self._known_verdict(table, earlier)
        return self._known_verdict(table, date)

    @_locked
    def dates(self, table: Table) -> list[str]:
        """Return the published dates of a table, ascending."""
        if table.folder not in self._dates:
            self._dates[table.folder] = self._catalog.dates(table)
        return self._dates[table.folder]

    def known_dates(self) -> list[str]:
        """Return every date that has raw or published logs, ascending.

        Raises WarehouseError if two neighbouring dates lie more than three years apart: one of them must be a typing
        error, and every day between them would count as missing.
        """
        known = sorted({*self.dates(RAW), *self.dates(LOGS)})
        for earlier, later in pairwise(known):
            if days_before(later, _LONGEST_GAP_DAYS) > earlier:
                raise WarehouseError(
                    f"there are no logs between {earlier} and {later}, so the name of one of these date folders in "
                    f"{self._catalog.storage.root} must be wrong; rename or remove it"
                )
        return known

    @_locked
    def manifest(self, table: Table, date: str) -> Manifest | None:
        key = (table.folder, date)
        if key not in self._manifests:
            self._manifests[key] = self._catalog.manifest(table, date)
        return self._manifests[key]

    @_locked
    def republished(self, table: Table, date: str) -> None:
        """Forget what is known about this partition and later dates, after it was published again."""
        self._manifests.pop((table.folder, date), None)
        self._dates.pop(table.folder, None)
        self._verdicts = {key: verdict for key, verdict in self._verdicts.items() if key[1] < date}
        for folder, last in self._examined_up_to.items():
            self._examined_up_to[folder] = min(last, days_before(date, 1))

    def problems(self, wanted: Iterable[tuple[Table, str]]) -> list[str]:
        """Return one sentence for each partition that is not fresh."""
        sentences = []
        for table, date in wanted:
            verdict = self.verdict(table, date)
            if not verdict.fresh:
                name = table.name(self._catalog.dataset)
                sentences.append(f"{name} date={date} is {verdict.state}: {verdict.reason}")
        return sentences

    def _known_verdict(self, table: Table, date: str) -> Verdict:
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
            reason = "it was joined with features of its own day, for the leakage audit only"
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
                # The cause, not the input's own reason: along a chain of snapshots, reasons would grow ever longer.
                reason = f"{source.table} date={source.date} is {verdict.state} because {verdict.cause}"
                return Verdict(State.STALE, reason, verdict.cause)
        return _FRESH

    def _outdated(self, manifest: Manifest) -> str:
        if self._scenes is None:
            self._scenes = self._catalog.scenes
        if manifest.columns != [list(column) for column in TABLES[manifest.table].columns_for(self._scenes)]:
            return "the columns of its table have changed"
        first_logs = next(iter(self.dates(LOGS)), manifest.date)
        if manifest.history_start and first_logs < manifest.history_start:
            return f"it was computed when the first logs were of {manifest.history_start}, but now there are older ones"
        return ""

    def _changed(self, source: Input) -> str:
        table, name = TABLES[source.table], f"{source.table} date={source.date}"
        if table.is_raw:
            return f"{name} has changed since it was read" if self._has_raw_changed(source) else ""
        manifest = self.manifest(table, source.date)
        now = manifest.version if manifest else None
        if now == source.version:
            return ""
        change = (
            "is no longer published" if now is None else "arrived later" if source.version is None else "has changed"
        )
        return f"{name} {change}"

    def _input_verdict(self, source: Input) -> Verdict:
        table = TABLES[source.table]
        return _FRESH if table.is_raw or source.version is None else self.verdict(table, source.date)

    def _has_raw_changed(self, source: Input) -> bool:
        if source not in self._raw_has_changed:
            self._raw_has_changed[source] = self._catalog.raw_has_changed(source)
        return self._raw_has_changed[source]
