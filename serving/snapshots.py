"""Find the newest published features, and load them into memory."""

from collections.abc import Iterator
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
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.freshness import Freshness
from warehouse.pair_tiles import HORIZON, fresh_cover
from warehouse.tables import DAILY_UI, FEATURES_ITEM, FEATURES_UI, FEATURES_USER, TILES_UI, Table

_TABLES = (FEATURES_USER, FEATURES_ITEM, FEATURES_UI)
# Rows to read at once. All ids of users and items are hashed to look up those of some pairs.
_ENTITIES, _PAIRS = 2**16, 2**19
Partition = tuple[Table, str]  # with its date


@dataclass(frozen=True)
class Snapshot:
    """The published features of one date. publications: when each of the tables was published, and as what."""

    as_of: str
    publications: tuple[str, ...]


def newest_snapshot(
    catalog: Catalog, as_of: str | None = None, loaded: Snapshot | None = None
) -> tuple[Snapshot, str | None]:
    """Return the newest snapshot that is fresh, and what is wrong with the ones after it, or None.

    as_of: look at this date only. loaded: a snapshot that counts as fresh, because it was when it was loaded.
    Raises ServingError if there is none.
    """
    freshness = Freshness(catalog)
    problems: list[str] = []
    for snapshot in _published(catalog, as_of):
        if snapshot == loaded or not (wrong := freshness.problems(_needed(freshness, snapshot.as_of))):
            return snapshot, problems[0] if problems else None
        problems.append(f"the features of {snapshot.as_of} cannot be used ({'; '.join(wrong)}): run the stages")
    if problems:
        raise ServingError(problems[0])
    raise ServingError(
        f"the features of users, items and pairs of {as_of or 'any date'} are not published in {catalog.storage.root}, "
        f"dataset {catalog.dataset}: run the stages"
    )


def _published(catalog: Catalog, as_of: str | None) -> Iterator[Snapshot]:
    """Yield what is published, whether it is fresh or not, the newest first."""
    dates = set.intersection(*(set(catalog.dates(table)) for table in _TABLES))
    for date in sorted(dates if as_of is None else dates & {as_of}, reverse=True):
        manifests = [catalog.manifest(table, date) for table in _TABLES]
        if None not in manifests:
            yield Snapshot(date, tuple(f"{found.run_id} {found.version}" for found in manifests if found))


def load_snapshot(catalog: Catalog, snapshot: Snapshot) -> MemoryStore:
    """Load a snapshot, and the pair counts of the days up to its date. Raises ServingError if that fails."""
    freshness, as_of = Freshness(catalog), snapshot.as_of
    pair_parts, needed = _pair_parts(freshness, as_of), _needed(freshness, as_of)
    users, items = (_entities(catalog, table, as_of) for table in (FEATURES_USER, FEATURES_ITEM))
    counted = (_counted(batch, users, items) for part in pair_parts for batch in _batches(catalog, *part, _PAIRS))
    store = MemoryStore(as_of, users, items, PairCounts(counted, len(users), len(items)))
    for table, date in needed:
        if catalog.manifest(table, date) != freshness.manifest(table, date):
            raise ServingError(f"{catalog.uri(table, date)} changed while it was read: it will be read again")
    return store


def _needed(freshness: Freshness, as_of: str) -> list[Partition]:
    """Return the partitions that a snapshot consists of."""
    return [*((table, as_of) for table in _TABLES), *_pair_parts(freshness, as_of)]


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


def _batches(catalog: Catalog, table: Table, date: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a partition, so many at once. Raises WarehouseError if they are not those of its manifest."""
    catalog.require_whole(table, date)
    files = [entry["name"] for entry in catalog.files(table, date)]
    if not files:
        return
    try:
        data = ds.dataset(files, format="orc", filesystem=catalog.storage.filesystem)
        yield from data.to_batches(columns=table.column_names, batch_size=rows, batch_readahead=1, fragment_readahead=1)
    except (pa.ArrowException, OSError) as error:
        first_line = (str(error).splitlines() or ["no message"])[0]
        raise ServingError(
            f"{catalog.uri(table, date)} cannot be read ({first_line}): run the stages for {date} again"
        ) from error


def _counted(pairs: pa.RecordBatch, users: EntityFeatures, items: EntityFeatures) -> CountedPairs:
    """Return counts of pairs with ids as counts of pairs with positions."""
    return CountedPairs(
        users=_positions(pairs["user_id"], users),
        items=_positions(pairs["item_id"], items),
        impressions=pairs["imp"].to_numpy(),
        clicks=pairs["clk"].to_numpy(),
    )


def _positions(ids: pa.Array, known: EntityFeatures) -> np.ndarray:
    """Return the position of each id: Arrow looks many ids up without Python's lock."""
    found = pc.index_in(ids, value_set=known.ids)
    if found.null_count:
        unknown = ids.filter(pc.is_null(found))[0]
        raise ServingError(f"{unknown} has pair counts but no features: run the feature stages again")
    return found.to_numpy()
