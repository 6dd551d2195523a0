import itertools
import math
from collections import Counter
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.training.logs import World, as_table, publish
from training.data import value_index
from training.data.batches import InMemoryBatches
from training.data.feature_fitting import fit_features
from training.data.feature_space import FeatureSpace
from training.data.numeric_features import FEATURE_NAMES, Moments, Standardiser, log1p_counts
from training.data.row_encoder import RowEncoder, load_rows, without_newcomers
from training.data.rows import Rows
from training.data.training_table import read_keys, row_groups
from training.data.vocabulary import Vocabulary
from warehouse.catalog import Catalog
from warehouse.tables import TRAIN

CATEGORICAL = ["user_id", "item_id", "scene", "hour", "deep_features_0", "deep_features_1"]


@pytest.fixture(scope="module")
def dates(published):
    *train, val = sorted(published.world.tables)
    return train, [val]


@pytest.fixture(scope="module")
def space(published, dates):
    return fit_features(published.catalog, dates[0])


def coded(*values):
    return pa.chunked_array([pa.array(values, pa.string()).dictionary_encode()])


def raw_rows(world, dates):
    """The rows as dicts, date by date, in the order in which they should come."""
    for date in dates:
        yield from sorted(
            world.tables[date].to_pylist(),
            key=lambda row: tuple(row[name] for name in ("log_ts", "scene", "user_id", "item_id", "label")),
        )


def test_an_unseen_id_and_a_null_have_index_0():
    vocabulary = Vocabulary.of(coded("b", "a", "b"))
    index = vocabulary.index(coded("a", "new", "b", None))
    assert index.dtype == np.int64
    assert (index[1], index[3]) == (0, 0)
    assert sorted(index[[0, 2]]) == [1, 2]
    assert vocabulary.impressions_at(index).tolist() == [1, 0, 2, 0]


def test_merged_vocabularies_count_together_whatever_their_order():
    parts = [Vocabulary.of(coded("b", "a", None)), Vocabulary.of(coded("c", "a"))]
    for order in (parts, parts[::-1]):
        merged = Vocabulary.merged(order)
        assert (merged.values.to_pylist(), merged.impressions.tolist()) == (["a", "b", "c"], [2, 1, 1])
        assert merged.size == 4


@pytest.mark.parametrize("values", [["v3", "v1"], ["v3", "new", None], ["v2"] * 3, [f"v{n}" for n in range(40)], []])
def test_values_are_found_whichever_side_is_the_longer(values):
    vocabulary = Vocabulary.of(coded(*(f"v{n}" for n in range(9, -1, -1))))
    known = vocabulary.values.to_pylist()
    with_a_twin = pa.DictionaryArray.from_arrays(
        pa.array(range(len(values)), pa.int32()), pa.array(values, pa.string())
    )
    expected = [known.index(value) + 1 if value in known else 0 for value in values]
    assert vocabulary.index(pa.chunked_array([with_a_twin])).tolist() == expected


def test_pieces_of_some_row_groups_look_their_dictionaries_up_once_each(published, dates, monkeypatch):
    looked_up = Mock(side_effect=value_index._positions_among)
    monkeypatch.setattr(value_index, "_positions_among", looked_up)
    users = fit_features(published.catalog, dates[0][:1]).vocabularies["user_id"]
    expected = {value: place for place, value in enumerate(users.values.to_pylist(), start=1)}
    groups = row_groups(published.catalog, dates[0])[:3]
    pieces = [list(group.tables((), rows=5)) for group in groups]
    assert min(map(len, pieces)) > 1
    for of_groups in itertools.zip_longest(*pieces):
        for piece in filter(None, of_groups):
            known = [expected.get(value, 0) for value in piece["user_id"].to_pylist()]
            assert users.index(piece["user_id"]).tolist() == known
    assert looked_up.call_count == len(groups)


def test_a_few_values_are_found_among_many():
    known = sorted(f"u{number}" for number in range(0, 3_000, 3))
    vocabulary = Vocabulary.merged([Vocabulary.of(coded(*known))])
    asked = ["u0", "u1", "u2997", "", "zz", "用户", None, "u1500"]
    expected = [known.index(value) + 1 if value in known else 0 for value in asked]
    assert vocabulary.index(coded(*asked)).tolist() == expected


def test_a_vocabulary_outlives_its_file(tmp_path):
    vocabulary = Vocabulary.of(coded("x", "y", "x"))
    vocabulary.save(tmp_path / "v.parquet")
    loaded = Vocabulary.load(tmp_path / "v.parquet")
    assert (loaded.values, loaded.impressions.tolist()) == (vocabulary.values, vocabulary.impressions.tolist())


def test_indexes_equal_a_loop_over_rows(published, space, dates):
    rows = load_rows(published.catalog, dates[1], RowEncoder(space))
    position = {
        name: {value: i for i, value in enumerate(vocabulary.values.to_pylist(), start=1)}
        for name, vocabulary in space.vocabularies.items()
    }
    expected = [
        [
            position["user_id"].get(row["user_id"], 0),
            position["item_id"].get(row["item_id"], 0),
            row["scene"],
            row["log_ts"].hour,
            *(position[name].get(row[name], 0) for name in CATEGORICAL[4:]),
        ]
        for row in raw_rows(published.world, dates[1])
    ]
    assert list(space.categorical_sizes) == CATEGORICAL
    assert rows.categorical.dtype == torch.int64
    assert rows.categorical.tolist() == expected
    assert (rows.categorical[:, 0] == 0).any(), "the world should hold newcomers"


def test_impressions_of_the_vocabulary_are_those_of_the_training_window(published, space, dates):
    seen = [row["user_id"] for row in raw_rows(published.world, dates[0])]
    vocabulary = space.vocabularies["user_id"]
    counted = dict(zip(vocabulary.values.to_pylist(), vocabulary.impressions.tolist(), strict=True))
    assert counted == {user: seen.count(user) for user in set(seen)}


def test_numeric_features_equal_a_loop_over_rows(published, space, dates):
    found = load_rows(published.catalog, dates[1], RowEncoder(space)).numeric
    assert found.dtype == torch.float32
    training = list(raw_rows(published.world, dates[0]))
    ctr = {s: np.mean([row["label"] for row in training if row["scene"] == s]) for s in range(5)}

    def odds(row, clicks, impressions):
        prior = ctr[row["scene"]]
        hits = row[clicks] + 10 * prior
        return math.log(hits / (row[impressions] + 10 - hits)) - math.log(prior / (1 - prior))

    def features(row):
        yield from (math.log1p(row[name]) for name, kind in TRAIN.columns if kind == "bigint")
        yield from (row[name] for name, kind in TRAIN.columns if kind == "double")
        for name in ("u_{}_7d", "u_{}_cum", "i_{}_7d", "i_{}_cum", "ui_{}_hist"):
            yield odds(row, name.format("clk"), name.format("imp"))
        for prefix in "ui":
            yield odds(row, f"{prefix}_clk_s{row['scene']}", f"{prefix}_imp_s{row['scene']}")

    of_training = np.array([list(features(row)) for row in training])
    raw = np.array([list(features(row)) for row in raw_rows(published.world, dates[1])])
    deviation = of_training.std(axis=0)
    constant = deviation < 1e-9
    expected = np.where(constant, 0, (raw - of_training.mean(axis=0)) / np.where(constant, 1, deviation)).clip(-10, 10)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


def test_logarithms_of_counts_that_are_looked_up_and_of_larger_ones() -> None:
    counts = np.random.default_rng(5).permutation([*range(5_000), 10**6, 2**40])
    expected = [np.float32(math.log1p(count)) for count in counts.tolist()]
    np.testing.assert_array_equal(log1p_counts(counts), np.array(expected))


def test_training_rows_are_standardised(published, space, dates):
    numeric = load_rows(published.catalog, dates[0], RowEncoder(space)).numeric
    varying = torch.from_numpy(space.standardiser.scale > 0)
    assert numeric.isfinite().all()
    assert numeric.mean(dim=0)[varying].abs().max() < 0.05  # a little is cut at the limit
    assert (numeric[:, ~varying] == 0).all()


def test_a_constant_column_becomes_0_even_where_it_varies_later():
    block = np.ones((5, len(FEATURE_NAMES)), dtype=np.float32)
    moments = Moments()
    moments.add(block)
    assert (moments.standardiser().apply(block + 3) == 0).all()


def test_moments_of_pieces_are_those_of_the_whole():
    block = np.random.default_rng(0).normal(5, 3, size=(100, len(FEATURE_NAMES)))
    moments = Moments()
    for piece in np.split(block, [1, 30, 31]):
        moments.add(piece)
    found = moments.standardiser()
    np.testing.assert_allclose(found.mean, block.mean(axis=0))
    np.testing.assert_allclose(found.scale, 1 / block.std(axis=0))


def test_a_feature_space_outlives_its_folder(published, space, dates, tmp_path):
    space.save(tmp_path)
    loaded = FeatureSpace.load(tmp_path)
    first, second = (load_rows(published.catalog, dates[1], RowEncoder(s)) for s in (space, loaded))
    for name in ("categorical", "numeric", "label"):
        assert torch.equal(getattr(first, name), getattr(second, name))


def test_the_order_of_rows_in_files_changes_nothing(own_published, tmp_path):
    shuffled = Catalog((tmp_path / "shuffled").as_uri(), "demo")
    rng = np.random.default_rng(0)
    for date, table in own_published.world.tables.items():
        publish(shuffled, date, table.take(rng.permutation(len(table))))
    dates = sorted(own_published.world.tables)
    spaces = [fit_features(catalog, dates) for catalog in (own_published.catalog, shuffled)]
    catalogs = (own_published.catalog, shuffled)
    first, second = (load_rows(c, dates, RowEncoder(s)) for c, s in zip(catalogs, spaces, strict=True))
    assert torch.equal(first.categorical, second.categorical)
    assert torch.equal(first.numeric, second.numeric)
    assert torch.equal(first.label, second.label)


def test_keys_are_in_the_order_of_the_tensors(published, space, dates):
    keys, rows = read_keys(published.catalog, dates[0]), load_rows(published.catalog, dates[0], RowEncoder(space))
    assert keys["label"].to_pylist() == rows.label.int().tolist()
    assert np.array_equal(space.vocabularies["item_id"].index(keys["item_id"]), rows.categorical[:, 1].numpy())


def test_a_naive_nanosecond_time_is_read_as_utc(own_published):
    date, table = next(iter(own_published.world.tables.items()))
    expected = read_keys(own_published.catalog, [date])["log_ts"]
    for file in own_published.catalog.files(TRAIN, date):
        part = pq.read_table(file["name"], partitioning=None)
        at = part.column_names.index("log_ts")
        pq.write_table(
            part.set_column(at, "log_ts", part["log_ts"].cast(pa.timestamp("ns"))), file["name"], version="2.6"
        )
    assert read_keys(own_published.catalog, [date])["log_ts"].equals(expected)
    assert len(table) == len(expected)


def test_a_deep_feature_without_a_value_is_no_feature(tmp_path):
    world = World(days=2, rows=400, deep_features=0)
    catalog = world.publish(tmp_path)
    assert fit_features(catalog, sorted(world.tables)).deep_features == ()


def test_a_deep_feature_may_be_null_in_some_rows(tmp_path):
    world = World(days=2, rows=400, deep_features=1)
    first, second = sorted(world.tables)
    table = world.tables[first]
    values = [None if i % 2 else value for i, value in enumerate(table["deep_features_0"].to_pylist())]
    columns = {name: table[name] for name in table.column_names} | {"deep_features_0": values}
    world.tables[first] = as_table(TRAIN, columns)
    catalog = world.publish(tmp_path)
    space = fit_features(catalog, [first, second])
    rows = load_rows(catalog, [first], RowEncoder(space))
    assert (rows.categorical[:, 4] == 0).sum() == len(table) // 2


def test_an_epoch_holds_every_row_once_in_an_order_of_its_own():
    n = 103
    rows = Rows(torch.arange(n)[:, None].repeat(1, 3), torch.arange(n)[:, None].float(), torch.arange(n).float())
    batches = InMemoryBatches(rows, 10)
    epochs = [torch.cat([b.label for b in batches.epoch(torch.Generator().manual_seed(s))]) for s in (1, 2, 1)]
    assert epochs[0].sort().values.tolist() == list(range(n))
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0], epochs[1])
    for batch in batches.epoch(torch.Generator().manual_seed(0)):
        assert batch.categorical[:, 0].tolist() == batch.numeric[:, 0].tolist() == batch.label.tolist()


def test_standardised_values_stay_within_the_limit():
    width = len(FEATURE_NAMES)
    standardiser = Standardiser(np.zeros(width), np.full(width, 1e6))
    assert np.abs(standardiser.apply(np.ones((2, width), dtype=np.float32))).max() == 10


def test_a_space_fitted_on_the_first_date_alone_which_has_no_history_is_loaded_again(published, tmp_path):
    fitted = fit_features(published.catalog, sorted(published.world.tables)[:1])
    assert (fitted.standardiser.scale == 0).any()
    fitted.save(tmp_path)
    assert (FeatureSpace.load(tmp_path).standardiser.scale == fitted.standardiser.scale).all()


def test_ids_of_some_rows_alone_are_unseen_to_a_model_fitted_on_the_others(published, dates, space) -> None:
    days, encoder = dates[0], RowEncoder(space)
    before, last = load_rows(published.catalog, days[:-1], encoder), load_rows(published.catalog, days[-1:], encoder)
    known = without_newcomers(last, space)
    newcomers = 0
    for position, name in enumerate(space.categorical_sizes):
        seen = set(before.categorical[:, position].tolist())
        columns = (rows.categorical[:, position].tolist() for rows in (last, known))
        for was, now in zip(*columns, strict=True):
            assert now == (was if was in seen or name in ("scene", "hour") else 0)
            newcomers += was != now
    assert newcomers > 0
    assert torch.equal(known.numeric, last.numeric)


def test_ids_that_occur_too_seldom_share_the_index_of_unseen_ones(published, dates, space, tmp_path):
    least = int(np.median(space.vocabularies["user_id"].impressions))
    bounded = fit_features(published.catalog, dates[0], min_count=least)
    bounded.save(tmp_path)
    counts = {
        name: Counter(row[name] for row in raw_rows(published.world, dates[0])) for name in ("user_id", "item_id")
    }
    keys = read_keys(published.catalog, dates[1])
    rows = load_rows(published.catalog, dates[1], RowEncoder(bounded))
    for column, (name, count) in enumerate(counts.items()):
        frequent = sorted(value for value, impressions in count.items() if impressions >= least)
        expected = [1 + frequent.index(value) if value in frequent else 0 for value in keys[name].to_pylist()]
        assert rows.categorical[:, column].tolist() == expected
        assert bounded.categorical_sizes[name] == 1 + len(frequent) < space.categorical_sizes[name]
        shown = bounded.vocabularies[name].impressions_of(keys[name])
        assert shown.tolist() == [count[value] for value in keys[name].to_pylist()], "levels count all impressions"
    assert FeatureSpace.load(tmp_path).categorical_sizes == bounded.categorical_sizes
