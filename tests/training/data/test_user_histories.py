"""Histories of rows against the impressions of a world, looked up row by row, and runs that read them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import near, read_json
from tests.training.logs import World
from training.cli import main
from training.data.feature_fitting import fit_features
from training.data.row_texts import latest_item_texts, read_texts
from training.data.training_table import read_dates, read_in_pieces
from training.data.user_histories import UserHistories
from training.errors import TrainingError
from warehouse.tables import SEQUENCE_LENGTH, SEQUENCES_USER


def test_rows_have_the_last_impressions_of_their_user_before_their_date(published):
    first, *_, last = dates = sorted(published.world.tables)
    items = fit_features(published.catalog, dates[1:-2]).vocabularies["item_id"]
    known = {value: number for number, value in enumerate(items.values.to_pylist(), start=1)}
    histories, found = UserHistories(published.catalog, items), []
    for date in (first, dates[2], last):
        sequences = published.world.sequences(date)
        for table in (*read_dates(published.catalog, [date]), *read_in_pieces(published.catalog, [date])):
            index, facts = histories.of(table, date)
            assert (index.dtype, facts.dtype) == (np.int32, np.uint8)
            for row, user in enumerate(table["user_id"].to_pylist()):
                shown = sequences.get(user, [])
                ages = [(np.datetime64(date) - np.datetime64(day)).astype(int) for *_, day in shown]
                wanted = [
                    [known.get(item, 0), len(bin(age)) - 2, scene, clicked]
                    for (item, scene, clicked, _), age in zip(shown, ages, strict=True)
                ]
                wanted += [[0, 0, 0, 0]] * (SEQUENCE_LENGTH - len(shown))
                assert [[i, *f] for i, f in zip(index[row].tolist(), facts[row].tolist(), strict=True)] == wanted
                found.append(len(shown))
    assert min(found) == 0
    assert max(found) == SEQUENCE_LENGTH


def test_the_text_of_an_item_is_its_latest_one(tmp_path):
    world = World(days=3, rows=240, worded=True)
    for date, table in world.tables.items():
        titles = [title and f"{title} {date} {row}" for row, title in enumerate(table["item_title"].to_pylist())]
        column = table.column_names.index("item_title")
        world.tables[date] = table.set_column(column, "item_title", [titles])
    catalog, dates, latest = world.publish(tmp_path), sorted(world.tables), {}
    for date in dates:
        for row in sorted(world.tables[date].to_pylist(), key=lambda row: row["log_ts"]):
            if row["item_title"]:
                latest[row["item_id"]] = row["item_title"]
    items, texts = fit_features(catalog, dates).vocabularies["item_id"], read_texts(catalog, dates, "split")
    found = latest_item_texts(catalog, dates, texts, items)
    values = [None, *texts.texts.to_pylist()]
    assert found[0] == 0
    for item, index in zip(items.values.to_pylist(), found[1:], strict=True):
        assert (values[index] or "").startswith(latest.get(item, ""))
        assert index or item not in latest


def test_a_run_names_the_sequences_it_read_and_is_evaluated_the_same(worded, tmp_path):
    summary = main(worded.arguments(tmp_path, "--model", "mmoe_din_text", "--text-encoder", "lsa", "--epochs", "1"))
    folder = Path(summary["artifacts"])
    inputs = read_json(folder / "mmoe_din_text_config.json")["inputs"]
    assert {(entry["table"], entry["date"]) for entry in inputs} == {
        (table, date) for table in ("train", "sequences_user") for date in worded.world.tables
    }
    again = main(["evaluate", "--artifacts", str(folder)])
    metrics = read_json(folder / "val_metrics.json")
    assert {key: again[key] for key in metrics} == near(metrics)


def test_missing_sequences_are_named(own_published, tmp_path):
    shutil.rmtree(own_published.catalog.path(SEQUENCES_USER, own_published.world.last_date))
    with pytest.raises(TrainingError, match=f"sequences_user_demo is missing for {own_published.world.last_date};"):
        main(own_published.arguments(tmp_path, "--model", "din"))
