"""Windows larger than the memory set for them."""

import os
import sys
import threading
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.training.conftest import Published
from tests.training.logs import World
from training.cli import main
from training.data.feature_fitting import fit_features
from training.data.feature_space import FeatureSpace
from training.data.row_encoder import RowEncoder, load_rows
from training.data.row_texts import read_texts
from training.data.rows import Rows
from training.data.streaming import StreamedBatches, ahead, in_batches
from training.data.training_table import PIECE_ROWS, read_in_pieces, row_groups
from training.data.user_histories import UserHistories
from training.errors import TrainingError
from warehouse.tables import TRAIN


@pytest.fixture(scope="module")
def small_groups(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A world whose files have row groups of a few rows, as a large date's have of many."""
    world, folder = World(worded=True), tmp_path_factory.mktemp("small_groups")
    published = Published(world, folder, world.publish(folder))
    for date in published.catalog.dates(TRAIN):
        for file in published.catalog.files(TRAIN, date):
            pq.write_table(pq.read_table(file["name"], partitioning=None), file["name"], row_group_size=23)
    return published


@pytest.fixture(scope="module")
def space(small_groups: Published) -> FeatureSpace:
    return fit_features(small_groups.catalog, dates(small_groups))


@pytest.fixture(scope="module")
def encoder(small_groups: Published, space: FeatureSpace) -> RowEncoder:
    catalog = small_groups.catalog
    histories = UserHistories(catalog, space.vocabularies["item_id"])
    return RowEncoder(space, read_texts(catalog, dates(small_groups), "split"), histories)


def dates(published: Published) -> list[str]:
    return published.catalog.dates(TRAIN)


def streamed(published: Published, encoder: RowEncoder, batch_size: int, buffer_rows: int) -> StreamedBatches:
    groups = row_groups(published.catalog, dates(published))
    return StreamedBatches(groups, published.world.rows, encoder, batch_size, buffer_rows)


def epoch(batches: StreamedBatches, seed: int = 1) -> list[Rows]:
    return list(batches.epoch(torch.Generator().manual_seed(seed)))


def as_lines(rows: Rows) -> list[tuple]:
    assert rows.text is not None
    parts = torch.cat([rows.categorical, rows.text, rows.label.long().unsqueeze(1)], dim=1)
    return [(*whole, *numeric) for whole, numeric in zip(parts.tolist(), rows.numeric.tolist(), strict=True)]


@pytest.mark.parametrize(("batch_size", "buffer_rows"), [(64, 300), (1, 7), (500, 3), (256, 10_000), (5_000, 900)])
def test_every_row_comes_once_in_batches_of_one_size(small_groups, encoder, batch_size, buffer_rows) -> None:
    batches = epoch(streamed(small_groups, encoder, batch_size, buffer_rows))
    whole = load_rows(small_groups.catalog, dates(small_groups), encoder)
    assert Counter(line for batch in batches for line in as_lines(batch)) == Counter(as_lines(whole))
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    assert 0 < len(batches[-1]) <= batch_size


def test_pieces_longer_than_a_batch_and_shorter_ones_are_cut_and_joined() -> None:
    def rows(first: int, last: int) -> Rows:
        numbers = torch.arange(first, last)
        return Rows(numbers.unsqueeze(1), numbers.float().unsqueeze(1), numbers.float())

    cut = list(in_batches([rows(0, 3), rows(3, 4), rows(4, 17), rows(17, 17), rows(17, 20)], [5] * 4))
    assert [batch.label.tolist() for batch in cut] == [list(range(n, n + 5)) for n in (0, 5, 10, 15)]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own here")
def test_what_is_made_ahead_gives_way_to_training() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    own = priority()
    assert list(ahead(priority() for _ in range(3))) == [max(own, 10)] * 3
    assert priority() == own


def test_what_goes_wrong_ahead_is_raised_in_its_turn() -> None:
    made = ahead(6 // divisor for divisor in (3, 2, 0, 1))
    assert [next(made), next(made)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_an_epoch_that_is_left_early_ends_its_threads(small_groups, encoder) -> None:
    others = set(threading.enumerate())
    batches = streamed(small_groups, encoder, 64, 300).epoch(torch.Generator())
    next(batches)
    own = set(threading.enumerate()) - others
    assert len(own) == 2  # one reads, one encodes
    del batches
    assert not any(thread.is_alive() for thread in own)


def test_fewer_rows_than_were_counted_are_said(small_groups, encoder) -> None:
    groups = row_groups(small_groups.catalog, dates(small_groups))
    batches = StreamedBatches(groups[1:], small_groups.world.rows, encoder, 64, 300)
    with pytest.raises(
        TrainingError, match=r"fewer rows than the \d+ counted at the start, because they were published again"
    ):
        epoch(batches)


def test_the_order_is_the_generators(small_groups, encoder) -> None:
    batches = streamed(small_groups, encoder, 64, 300)
    orders = [[line for batch in epoch(batches, seed) for line in as_lines(batch)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_scenes_and_dates_are_mixed(small_groups, encoder) -> None:
    """Files hold one scene of one date each: batches should look like the whole."""
    batches = epoch(streamed(small_groups, encoder, 200, 400))
    assert [batch.scene.unique().numel() for batch in batches] == [5] * len(batches)


def test_a_streamed_run_is_repeatable_and_about_as_good(small_groups, tmp_path, monkeypatch, capsys) -> None:
    arguments = ["--model", "mmoe_din_text", "--text-encoder", "lsa", "--epochs", "4"]
    in_memory = main(small_groups.arguments(tmp_path / "whole", *arguments))
    monkeypatch.setattr("training.commands.train.BYTES_PER_ROW", 2_500)  # 1 MB holds 420 rows
    capsys.readouterr()
    runs = [main(small_groups.arguments(tmp_path / name, *arguments, "--memory-mb", "1")) for name in "ab"]
    assert "2023-07-10 to 2023-07-14, 1,500 rows, streamed" in capsys.readouterr().out
    assert runs[0]["auc"] == runs[1]["auc"] != in_memory["auc"]
    assert runs[0]["auc"] == pytest.approx(in_memory["auc"], abs=0.03)


def test_features_fitted_in_pieces_are_those_of_whole_dates(small_groups, space, monkeypatch) -> None:
    monkeypatch.setattr("training.data.training_table.PIECE_ROWS", 17)
    pieces = fit_features(small_groups.catalog, dates(small_groups), read_in_pieces)
    assert pieces.categorical_sizes == space.categorical_sizes
    assert pieces.vocabularies["user_id"].values.equals(space.vocabularies["user_id"].values)
    assert pieces.standardiser.mean == pytest.approx(space.standardiser.mean, abs=1e-9)
    assert pieces.standardiser.scale == pytest.approx(space.standardiser.scale, rel=1e-6)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop_columns("u_ctr_7d"), "lacks the columns u_ctr_7d: run the stage training_table"),
        (lambda table: table.set_column(*_labels(table)), r"has the invalid label 3; valid are \(0, 1\)"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(own_published: Published, tmp_path: Path, spoil, message) -> None:
    date = dates(own_published)[0]
    space = fit_features(own_published.catalog, dates(own_published))
    file = own_published.catalog.files(TRAIN, date)[0]["name"]
    pq.write_table(spoil(pq.read_table(file, partitioning=None)), file)
    groups = row_groups(own_published.catalog, [date])
    with pytest.raises(TrainingError, match=message):
        epoch(StreamedBatches(groups, PIECE_ROWS, RowEncoder(space), 64, 100))
    assert tmp_path


def _labels(table: pa.Table) -> tuple[int, str, pa.Array]:
    place = table.schema.get_field_index("label")
    return place, "label", pa.array([3] * len(table), table.schema.field("label").type)
