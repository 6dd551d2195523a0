"""Texts of rows against a loop over rows."""

import re

import numpy as np
import pyarrow as pa
import pytest

from tests.training.data.test_data import raw_rows
from training.data.feature_fitting import fit_features
from training.data.row_encoder import RowEncoder, load_rows
from training.data.row_texts import read_texts
from training.data.text_columns import MODES, compose


def written_out(row, columns):
    """One row's text, or None."""
    parts = []
    for name in columns:
        entities = [re.sub(r"\|[A-Z_]+$", "", entity) for entity in row[name].split(",")]
        parts.append(",".join(entities).strip())
    return " ".join(part for part in parts if part) or None


def coded_table(**columns):
    return pa.table({name: pa.array(values, pa.string()).dictionary_encode() for name, values in columns.items()})


@pytest.fixture(scope="module")
def dates(worded):
    *train, val = sorted(worded.world.tables)
    return train, [val]


@pytest.mark.parametrize("mode", MODES)
def test_each_rows_texts_equal_a_loop_over_rows(worded, dates, mode):
    texts = read_texts(worded.catalog, dates[0], mode)
    rows = load_rows(worded.catalog, dates[0], RowEncoder(fit_features(worded.catalog, dates[0]), texts))
    known = [None, *texts.texts.to_pylist()]
    found = [[known[at] for at in index] for index in rows.text.tolist()]
    expected = [
        [written_out(row, columns) for columns in MODES[mode].values()] for row in raw_rows(worded.world, dates[0])
    ]
    assert found == expected
    assert any(None in texts for texts in expected), "the world should hold rows without a text"


@pytest.mark.parametrize("mode", MODES)
def test_each_distinct_text_is_held_once(worded, dates, mode):
    texts = read_texts(worded.catalog, dates[0], mode).texts.to_pylist()
    expected = {
        written_out(row, columns) for row in raw_rows(worded.world, dates[0]) for columns in MODES[mode].values()
    }
    assert texts == sorted(expected - {None})


def test_texts_of_later_dates_follow_without_moving_those_before(worded, dates):
    train, val = (read_texts(worded.catalog, d, "split") for d in dates)
    both = train.followed_by(val)
    values = both.texts.to_pylist()
    assert values[: len(train.texts)] == train.texts.to_pylist()
    assert sorted(values) == sorted({*train.texts.to_pylist(), *val.texts.to_pylist()})
    assert len(values) > len(train.texts), "the world should hold new texts"


def test_types_are_cut_and_blank_texts_are_none():
    table = coded_table(
        a=["", "  ", "x", "", "y|z", None],
        b=["", "", "", "医院|INTENT_TARGET,生态|UNKNOWN", "b|TYPE", "x|A"],
    )
    assert compose(table, ("a", "b")).to_pylist() == [None, None, "x", "医院,生态", "y|z b", "x"]


def test_a_pipe_within_a_text_is_no_type():
    table = coded_table(a=["A|B 测评", "a|b", "买|SALE！"])
    assert compose(table, ("a",)).to_pylist() == ["A|B 测评", "a|b", "买|SALE！"]


def test_dates_without_any_text(published):
    texts = read_texts(published.catalog, sorted(published.world.tables), "split")
    assert len(texts.texts) == 0
    space = fit_features(published.catalog, sorted(published.world.tables))
    assert not load_rows(published.catalog, sorted(published.world.tables), RowEncoder(space, texts)).text.any()


def test_indexes_are_whole_numbers_of_64_bits(worded, dates):
    texts = read_texts(worded.catalog, dates[0], "split")
    table = coded_table(item_title=["没有见过"], item_entity_names=[""], query_entity_seq=[""])
    index = texts.index(table)
    assert index.dtype == np.int64
    assert index.tolist() == [[0, 0]]
