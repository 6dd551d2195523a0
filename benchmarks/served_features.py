"""Publish random features of many users and items, and an untrained model that knows them, to measure the endpoint."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.orc as orc

from training.data.feature_space import FeatureSpace
from training.data.numeric_features import FEATURE_NAMES, Standardiser
from training.data.vocabulary import Vocabulary
from training.models.build import build_model
from training.models.model_settings import ModelSettings
from training.models.onnx_file import write_onnx
from training.runs.writing import write_json
from training.scoring.exported_files import DESCRIPTION_FILE, NETWORK_FILE
from warehouse.catalog import Catalog
from warehouse.publish import Content, StagedPartition
from warehouse.tables import (
    DAILY_UI,
    DEEP_FEATURES,
    FEATURES_ITEM,
    FEATURES_UI,
    FEATURES_USER,
    LOGS,
    SCENES,
    Table,
)

_DEEP_FEATURES, _DEEP_VALUES = 3, 50


def ids(letter: str, count: int) -> pa.Array:
    """Return the ids u0, u1 and so on."""
    return pc.binary_join_element_wise(letter, pc.cast(pa.array(np.arange(count)), pa.string()), "")


def publish_served_features(
    catalog: Catalog, date: str, users: pa.Array, items: pa.Array, pairs: int, seed: int = 7
) -> None:
    """Publish features of users and items at the end of a date, and the counts of random pairs on it."""
    rng = np.random.default_rng(seed)
    _publish(catalog, LOGS, date, None)
    for table, key, known in ((FEATURES_USER, "user_id", users), (FEATURES_ITEM, "item_id", items)):
        columns = {
            name: rng.random(len(known)) if kind == "double" else rng.poisson(5, len(known))
            for name, kind in table.columns
            if name != key
        }
        _publish(catalog, table, date, pa.table({key: known, **columns}))
    shown = np.unique(rng.integers(0, len(users) * len(items), pairs))
    columns = {
        "user_id": users.take(pa.array(shown // len(items))),
        "item_id": items.take(pa.array(shown % len(items))),
        "imp": np.ones(len(shown), np.int64),
        "clk": rng.integers(0, 2, len(shown)),
    }
    _publish(catalog, DAILY_UI, date, pa.table(columns))
    _publish(catalog, FEATURES_UI, date, None)


def write_untrained(folder: Path, dataset: str, model: str, users: pa.Array, items: pa.Array) -> None:
    """Write an untrained network as an exported model. Its cost is that of a trained one."""
    deep = pa.array([f"d{number}" for number in range(_DEEP_VALUES)])
    values = {"user_id": users, "item_id": items, **dict.fromkeys(DEEP_FEATURES[:_DEEP_FEATURES], deep)}
    vocabularies = {
        name: Vocabulary(known.take(pc.sort_indices(known)), np.ones(len(known), np.int64))
        for name, known in values.items()
    }
    scaling = Standardiser(np.zeros(len(FEATURE_NAMES)), np.full(len(FEATURE_NAMES), 0.1))
    space = FeatureSpace(vocabularies, np.full(len(SCENES), 0.3), scaling)
    folder.mkdir()
    space.save(folder)
    network = build_model(model, space.input_shape, ModelSettings())
    write_onnx(network, space.input_shape, None, folder / NETWORK_FILE)
    about = {"run": f"untrained_{model}", "model": model, "dataset": dataset, "as_of": None, "reads_texts": False}
    write_json(folder / DESCRIPTION_FILE, about)


def _publish(catalog: Catalog, table: Table, date: str, rows: pa.Table | None) -> None:
    with StagedPartition(catalog, table, date) as staged:
        if rows:
            orc.write_table(rows, Path(staged.path) / "part-0.zstd.orc", compression="zstd")
        columns = [list(column) for column in table.columns]
        staged.publish(Content(len(rows) if rows else 0, columns, checksum=""), [])
