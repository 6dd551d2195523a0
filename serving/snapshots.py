"""Find the newest published features, and load them into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from serving.entity_features import EntityFeatures
from serving.errors import ServingError
from serving.feature_rows import packed, row_type
from serving.memory_store import MemoryStore
from serving.pair_counts import CountedPairs, PairCounts
from serving.recent_impressions import Impressions, RecentImpressions
from training.data.arrow_columns import schema_of_table
from training.data.impression_sequences import LISTS, days_of
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.errors import first_line
from warehouse.freshness import Freshness
from warehouse.pair_tiles import HORIZON, fresh_cover
from warehouse.tables import DAILY_UI, FEATURES_ITEM, FEATURES_UI, FEATURES_USER, LOGS, SEQUENCES_USER, TILES_UI, Table

_TABLES = (FEATURES_USER, FEATURES_ITEM, FEATURES_UI)
# Rows to read at once. All ids of users and items are hashed to look up those of some pairs.
_ENTITIES, _PAIRS = 2**16, 2**19
_BY_SCENE = ds.partitioning(pa.schema([("scene", pa.int32())]), flavor="hive")  # as logs are
_SHOWN = ("user_id", "item_id", "log_ts", "scene", "label")
Partition = tuple[Table, str]  # with its date


@dataclass(frozen=True)
class Snapshot:
    """The published features of one date. publications: when each of the tables was published, and as what.

    with_history: also the last impressions of users.
    """

    as_of: str
    publications: tuple[str, ...]
    with_history: bool = False

    @property
    def tables(self) -> tuple[Table, ...]:
        return _tables(self.with_history)


def _tables(with_history: bool) -> tuple[Table, ...]:
    """Return the tables with the features. The last impressions are the sequences before the date, and its logs."""
    return (*_TABLES, SEQUENCES_USER, LOGS) if with_history else _TABLES


def newest_snapshot(
    catalog: Catalog, as_of: str | None = None, loaded: Snapshot | None = None, with_history: bool = False
) -> tuple[Snapshot, str | None]:
    """Return the newest snapshot that is fresh, and what is wrong with the ones after it, or None.

    as_of: look at this date only. loaded: a snapshot that counts as fresh, because it was when it was loaded.
    with_history: the last impressions of users must be published, too. Raises ServingError if there is none.
    """
    freshness = Freshness(catalog)
    problems: list[str] = []
    for snapshot in _published(catalog, as_of, with_history):
        if snapshot == loaded or not (wrong := freshness.problems(_needed(freshness, snapshot))):
            return snapshot, problems[0] if problems else None
        problems.append(f"the features of {snapshot.as_of} cannot be used ({'; '.join(wrong)}): run the stages")
    if problems:
        raise ServingError(problems[0])
    what = "features of users, items and pairs" + (" and the sequences of users" if with_history else "")
    raise ServingError(
        f"the {what} of {as_of or 'any date'} are not published in {catalog.storage.root}, "
        f"dataset {catalog.dataset}: run the stages"
    )


def _published(catalog: Catalog, as_of: str | None, with_history: bool) -> Iterator[Snapshot]:
    """Yield what is published, whether it is fresh or not, the newest first."""
    tables = _tables(with_history)
    dates = set.intersection(*(set(catalog.dates(table)) for table in tables))
    for date in sorted(dates if as_of is None else dates & {as_of}, reverse=True):
        manifests = [catalog.manifest(table, date) for table in tables]
        if None not in manifests:
            publications = tuple(f"{found.run_id} {found.version}" for found in manifests if found)
            yield Snapshot(date, publications, with_history)


def load_snapshot(catalog: Catalog, snapshot: Snapshot) -> MemoryStore:
    """Load a snapshot, and the pair counts of the days up to its date. Raises ServingError if that fails."""
    freshness, as_of = Freshness(catalog), snapshot.as_of
    pair_parts, needed = _pair_parts(freshness, as_of), _needed(freshness, snapshot)
    users, items = (_entities(catalog, table, as_of) for table in (FEATURES_USER, FEATURES_ITEM))
    counted = (_counted(batch, users, items) for part in pair_parts for batch in _batches(catalog, *part, _PAIRS))
    pairs = PairCounts(counted, len(users), len(items))
    impressions = _recent_impressions(catalog, as_of, users, items) if snapshot.with_history else None
    store = MemoryStore(as_of, users, items, pairs, impressions)
    for table, date in needed:
        if catalog.manifest(table, date) != freshness.manifest(table, date):
            raise ServingError(f"{catalog.uri(table, date)} changed while it was read: it will be read again")
    return store


def _needed(freshness: Freshness, snapshot: Snapshot) -> list[Partition]:
    """Return the partitions that a snapshot consists of."""
    return [*((table, snapshot.as_of) for table in snapshot.tables), *_pair_parts(freshness, snapshot.as_of)]


def _pair_parts(freshness: Freshness, as_of: str) -> list[Partition]:
    """Return the partitions whose sum is what the next day's pairs count as their history."""
    known, manifest = freshness.known_dates(), freshness.manifest(FEATURES_UI, as_of)
    horizon = manifest.parameters.get(HORIZON) if manifest else None
    beginning = known[0] if known else as_of
    first = beginning if horizon is None else days_before(as_of, horizon - 1)
    covered = fresh_cover(freshness, max(first, beginning), as_of)
    return [*((TILES_UI, date) for date in covered.tiles), *((DAILY_UI, date) for date in covered.daily)]


def _entities(catalog: Catalog, table: Table, date: str) -> EntityFeatures:
    key, kind = table.column_names[0], row_type(table)
    ids, rows = [pa.array([], pa.string())], []
    for batch in _batches(catalog, table, date, _ENTITIES):
        ids.append(batch[key])
        rows.append(packed(batch, kind))
    return EntityFeatures(pa.concat_arrays(ids), np.concatenate([*rows, np.zeros(1, kind)]))


def _batches(
    catalog: Catalog, table: Table, date: str, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a partition, so many at once. Raises WarehouseError if they are not those of its manifest."""
    catalog.require_whole(table, date)
    files = [entry["name"] for entry in catalog.files(table, date)]
    if not files:
        return
    try:
        data = ds.dataset(files, format="orc", filesystem=catalog.storage.filesystem, partitioning=_BY_SCENE)
        names = list(columns or table.column_names)
        yield from data.to_batches(columns=names, batch_size=rows, batch_readahead=1, fragment_readahead=1)
    except (pa.ArrowException, OSError) as error:
        raise ServingError(
            f"{catalog.uri(table, date)} cannot be read ({first_line(error)}): run the stages for {date} again"
        ) from error


def _counted(pairs: pa.RecordBatch, users: EntityFeatures, items: EntityFeatures) -> CountedPairs:
    """Return counts of pairs with ids as counts of pairs with positions."""
    return CountedPairs(
        users=_positions(pairs["user_id"], users),
        items=_positions(pairs["item_id"], items),
        impressions=pairs["imp"].to_numpy(),
        clicks=pairs["clk"].to_numpy(),
    )


def _recent_impressions(
    catalog: Catalog, as_of: str, users: EntityFeatures, items: EntityFeatures
) -> RecentImpressions:
    """Return the last impressions up to the end of a date: the sequences before the date, followed by its logs."""
    sequences = (_in_sequences(batch, users, items) for batch in _batches(catalog, SEQUENCES_USER, as_of, _ENTITIES))
    logs = list(_batches(catalog, LOGS, as_of, _ENTITIES, _SHOWN))
    schema = pa.schema([schema_of_table(LOGS).field(name) for name in _SHOWN])
    of_the_date = _in_logs(pa.Table.from_batches(logs, logs[0].schema if logs else schema), users, items)
    return RecentImpressions([*sequences, of_the_date], len(users), items.ids)


def _in_sequences(batch: pa.RecordBatch, users: EntityFeatures, items: EntityFeatures) -> Impressions:
    item_ids, scenes, clicked, days = (pc.list_flatten(batch[name]) for name in LISTS)
    by_user = _positions(batch["user_id"], users)
    shown = np.repeat(by_user, pc.list_value_length(batch["item_ids"]).to_numpy())
    facts = (fact.to_numpy() for fact in (scenes, clicked, days.cast(pa.int32())))
    return Impressions(shown, _positions(item_ids, items), *facts)


def _in_logs(logs: pa.Table, users: EntityFeatures, items: EntityFeatures) -> Impressions:
    by_time = [(name, "ascending") for name in ("log_ts", "scene", "item_id", "label")]  # as user_sequences orders them
    shown = logs.sort_by(by_time).combine_chunks()
    user, item = (_positions(shown[f"{key}_id"].combine_chunks(), of) for key, of in (("user", users), ("item", items)))
    return Impressions(user, item, shown["scene"].to_numpy(), shown["label"].to_numpy(), days_of(shown["log_ts"]))


def _positions(ids: pa.Array, known: EntityFeatures) -> np.ndarray:
    """Return the position of each id: Arrow looks many ids up without Python's lock."""
    found = pc.index_in(ids, value_set=known.ids)
    if found.null_count:
        unknown = ids.filter(pc.is_null(found))[0]
        raise ServingError(f"{unknown} was shown but has no features: run the feature stages again")
    return found.to_numpy()
