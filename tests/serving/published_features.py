"""Features that a click world's last date was joined with, published as the stages would."""

from pathlib import Path

import pyarrow as pa
import pyarrow.orc

from tests.training.logs import World
from warehouse.calendar_days import days_before
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.tables import DAILY_UI, FEATURES_ITEM, FEATURES_UI, FEATURES_USER, LOGS, Table


def publish_features(catalog: Catalog, world: World) -> str:
    """Publish the features at the end of the day before the world's last date. Returns that day."""
    last, as_of = world.tables[world.last_date], days_before(world.last_date, 1)
    pairs = {date: daily_pairs(rows) for date, rows in world.tables.items() if date <= as_of}
    for date, rows in pairs.items():
        publish(catalog, LOGS, date, world.tables[date].select(["user_id", "item_id", "log_ts", "scene", "label"]))
        publish(catalog, DAILY_UI, date, rows)
    # Whoever was shown before the last date is known. The features of those who are not shown on it do not matter.
    shown = pa.concat_tables(pairs.values())
    for table, key in ((FEATURES_USER, "user_id"), (FEATURES_ITEM, "item_id")):
        features = {row[key]: row for row in last.select(table.column_names).to_pylist()}
        unknown = dict.fromkeys(table.column_names, 0)
        known = sorted(set(shown[key].to_pylist()), reverse=True)
        rows = [features.get(entity, {**unknown, key: entity}) for entity in known]
        publish(catalog, table, as_of, pa.Table.from_pylist(rows, last.select(table.column_names).schema))
    publish(catalog, FEATURES_UI, as_of, pairs[as_of].select([]))
    return as_of


def daily_pairs(rows: pa.Table) -> pa.Table:
    counts = rows.group_by(["user_id", "item_id"]).aggregate([("label", "count"), ("label", "sum")])
    return counts.rename_columns(["user_id", "item_id", "imp", "clk"])


def publish(catalog: Catalog, table: Table, date: str, rows: pa.Table, **more) -> None:
    with StagedPartition(catalog, table, date) as staged:
        if rows.column_names:
            pyarrow.orc.write_table(rows, Path(staged.path) / "part-0.zstd.orc")
        columns = [list(column) for column in table.columns]
        staged.publish(Content(len(rows), columns, checksum=str(rows.to_pydict())), [], **more)
