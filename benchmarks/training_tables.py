"""Draw training tables directly, without logs and Spark, to train on any number of rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.data.numeric_features import COUNTS, RATES
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.tables import DEEP_FEATURES, SCENES, TEXT_COLUMNS, TRAIN

_ROWS_AT_ONCE = 200_000  # in memory, and in a row group
_ROWS_PER_PAGE = 20_000  # as Spark writes them
_ACTIVITY = 1.5  # above 1, some users and items occur often and most seldom


def write_training_tables(catalog: Catalog, dates: Sequence[str], rows: int, users: int, items: int, seed: int) -> None:
    """Write `rows` rows per date. Clicks depend on the user, the item, the scene and two of the counts."""
    rng = np.random.default_rng(seed)
    mood, appeal = rng.normal(scale=0.7, size=users), rng.normal(scale=0.7, size=items)
    for date in dates:
        with StagedPartition(catalog, TRAIN, date) as staged:
            for scene in SCENES:
                _write_scene(staged.path, date, scene, rows // len(SCENES), mood, appeal, rng)
            columns = [list(column) for column in TRAIN.columns]
            staged.publish(Content(rows // len(SCENES) * len(SCENES), columns, checksum=f"{seed} {date}"), [])


def _write_scene(
    partition: str, date: str, scene: int, rows: int, mood: np.ndarray, appeal: np.ndarray, rng: np.random.Generator
) -> None:
    folder = Path(partition) / f"scene={scene}"
    folder.mkdir(parents=True)
    writer = None
    for first in range(0, rows, _ROWS_AT_ONCE):
        table = _table(date, scene, min(_ROWS_AT_ONCE, rows - first), mood, appeal, rng)
        pages = {"data_page_size": 8 * _ROWS_PER_PAGE, "compression": "zstd"}
        writer = writer or pq.ParquetWriter(folder / "part-0.zstd.parquet", table.schema, **pages)
        writer.write_table(table)
    if writer:
        writer.close()


def _table(
    date: str, scene: int, rows: int, mood: np.ndarray, appeal: np.ndarray, rng: np.random.Generator
) -> pa.Table:
    user, item = (_drawn(len(trait), rows, rng) for trait in (mood, appeal))
    counts = {name: rng.poisson(3.0, size=rows).astype(np.int64) for name in COUNTS}
    rates = {name: rng.random(rows) for name in RATES}
    logit = mood[user] + appeal[item] + 0.1 * scene - 1 + 0.2 * (counts["u_clk_cum"] - counts["u_imp_day"])
    start = np.datetime64(date, "us")
    columns = {
        "user_id": _named("u", user),
        "item_id": _named("i", item),
        "log_ts": pa.array(start + rng.integers(86_400, size=rows).astype("timedelta64[s]"), pa.timestamp("us", "UTC")),
        "label": pa.array((rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int32)),
        **{name: _repeated("", rows) for name in TEXT_COLUMNS},
        **{name: pa.nulls(rows, pa.string()) for name in DEEP_FEATURES},
        **{name: pa.array(values) for name, values in {**counts, **rates}.items()},
    }
    return pa.table({name: columns[name] for name in TRAIN.column_names if name != "scene"})


def _drawn(size: int, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Random positions below `size`, the first ones far more often than the last."""
    return (size * rng.random(rows) ** _ACTIVITY).astype(np.int64)


def _named(prefix: str, numbers: np.ndarray) -> pa.Array:
    distinct, codes = np.unique(numbers, return_inverse=True)
    names = pa.array(np.char.add(prefix, distinct.astype(str)))
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), names).cast(pa.string())


def _repeated(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [text]).cast(pa.string())
