"""Deep features that are lists, such as tags: one vocabulary of single values, and the mean of their embeddings."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from tests.training.conftest import Published, near, read_json
from tests.training.logs import World, as_table
from training.cli import main
from training.data.feature_fitting import fit_features
from training.data.feature_space import META_FILE, FeatureSpace
from training.data.row_encoder import RowEncoder, load_rows, without_newcomers
from training.data.rows import Rows
from training.data.training_table import read_in_pieces
from training.errors import TrainingError
from training.models.input_layer import InputLayer
from training.scoring.scorer import Scorer
from warehouse.tables import LIST_END, TRAIN

LONG = ["--epochs", "20", "--batch-size", "64", "--learning-rate", "0.01"]
TAGS = [f"t{number}" for number in range(6)]
COLUMN = "deep_features_1"
DRIVER = "t3"


def with_tags(folder: Path, shuffled: bool = False) -> Published:
    """A world whose rows have up to four tags, one of which decides about the click; or so it was before a shuffle."""
    world, rng = World(days=5, rows=1500, deep_features=1), np.random.default_rng(3)
    for number, (date, table) in enumerate(world.tables.items()):
        tags = [sorted(rng.choice(TAGS, rng.integers(5), replace=False)) for _ in range(len(table))]
        click = [int(rng.random() < (0.85 if DRIVER in row else 0.15)) for row in tags]
        if number == world.days - 1:
            tags = [[*row, "new"] if rng.random() < 0.2 else row for row in tags]
        if shuffled:
            rng.shuffle(tags)
        texts = ["".join(tag + LIST_END for tag in row) or None for row in tags]
        changed = {COLUMN: texts, "label": click}
        world.tables[date] = as_table(TRAIN, {name: table[name] for name in table.column_names} | changed)
    return Published(world, folder, world.publish(folder, truth=False))


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return with_tags(tmp_path_factory.mktemp("tagged"))


@pytest.fixture(scope="module")
def space(tagged: Published) -> FeatureSpace:
    return fit_features(tagged.catalog, sorted(tagged.world.tables)[:-1])


def tags_of(tagged: Published, date: str) -> list[set[str]]:
    return [set((text or "").split(LIST_END)) - {""} for text in tagged.world.tables[date][COLUMN].to_pylist()]


def known(space: FeatureSpace, rows: Rows) -> list[set[str]]:
    """The tags that the indexes of each row stand for."""
    values = space.lists[COLUMN].values.to_pylist()
    return [{values[index - 1] for index in row if index} for row in rows.categorical[:, 5:].tolist()]


def test_a_vocabulary_holds_single_values_and_how_many_rows_have_each(tagged: Published, space: FeatureSpace) -> None:
    counted = Counter(tag for date in sorted(tagged.world.tables)[:-1] for row in tags_of(tagged, date) for tag in row)
    vocabulary = space.lists[COLUMN]
    assert vocabulary.values.to_pylist() == sorted(counted)
    assert vocabulary.impressions.tolist() == [counted[tag] for tag in sorted(counted)]
    assert vocabulary.width == 4
    by_number = [vocabulary.values[int(index) - 1].as_py() for index in vocabulary.most_frequent()]
    assert by_number == sorted(counted, key=lambda tag: (-counted[tag], tag))
    pieces = fit_features(tagged.catalog, sorted(tagged.world.tables)[:-1], read_in_pieces).lists[COLUMN]
    assert (pieces.values, pieces.width) == (vocabulary.values, vocabulary.width)


def test_rows_have_the_known_values_of_their_lists(tagged: Published, space: FeatureSpace, tmp_path: Path) -> None:
    date = tagged.world.last_date
    rows = load_rows(tagged.catalog, [date], RowEncoder(space))
    expected = Counter(frozenset(row - {"new"}) for row in tags_of(tagged, date))
    assert Counter(map(frozenset, known(space, rows))) == expected
    space.save(tmp_path)
    encoder = RowEncoder(FeatureSpace.load(tmp_path))
    pieces = read_in_pieces(tagged.catalog, [date], encoder.columns)
    streamed = Rows.joined([encoder.encode(piece, date) for piece in pieces])
    assert Counter(map(frozenset, known(space, streamed))) == expected


def test_runs_from_before_there_were_lists_can_be_loaded(space: FeatureSpace, tmp_path: Path) -> None:
    without = replace(space, vocabularies={name: v for name, v in space.vocabularies.items() if name != COLUMN})
    without.save(tmp_path)
    meta = read_json(tmp_path / META_FILE)
    del meta["lists"]
    (tmp_path / META_FILE).write_text(json.dumps(meta))
    loaded = FeatureSpace.load(tmp_path)
    assert loaded.lists == {}
    assert loaded.categorical_sizes == without.categorical_sizes


def test_of_a_long_list_the_values_that_training_saw_most_count(space: FeatureSpace, tagged: Published) -> None:
    shorter = replace(space.lists[COLUMN], width=2)
    narrow = replace(space, vocabularies={**space.vocabularies, COLUMN: shorter})
    date = tagged.world.last_date
    rows, whole = (load_rows(tagged.catalog, [date], RowEncoder(of)) for of in (narrow, space))
    seen = dict(zip(shorter.values.to_pylist(), shorter.impressions.tolist(), strict=True))
    best = [set(sorted(row, key=lambda tag: (-seen[tag], tag))[:2]) for row in known(space, whole)]
    assert known(narrow, rows) == best


def test_values_that_only_the_held_out_day_has_are_unseen(tagged: Published) -> None:
    dates = sorted(tagged.world.tables)
    space = fit_features(tagged.catalog, dates)
    held_out = load_rows(tagged.catalog, dates[-1:], RowEncoder(space))
    assert any("new" in row for row in known(space, held_out))
    assert known(space, without_newcomers(held_out, space)) == [row - {"new"} for row in known(space, held_out)]


def test_the_embedding_of_a_list_is_the_mean_of_its_known_values(space: FeatureSpace) -> None:
    shape = space.input_shape
    layer = InputLayer(shape, 3, 0.0, 0.0).eval()
    lists = torch.tensor([[1, 2, 5, 0], [0, 0, 0, 0], [0, 6, 0, 0], [4, 3, 2, 1]])
    categorical = torch.cat([torch.ones(4, shape.single, dtype=torch.int64), lists], dim=1)
    embedded = layer(categorical, torch.zeros(4, shape.numeric_size))
    weights = layer.embeddings[COLUMN].weight
    means = [torch.stack([weights[i] for i in row if i] or [weights[0]]).mean(0) for row in lists.tolist()]
    torch.testing.assert_close(embedded[:, -4 - shape.numeric_size : -shape.numeric_size], torch.stack(means))


@pytest.mark.parametrize("model", ["lr", "dnn", "gbdt"])
def test_models_learn_what_one_tag_among_several_says(tagged: Published, tmp_path: Path, model: str) -> None:
    trained = main(tagged.arguments(tmp_path, "--model", model, *LONG))
    assert trained["auc"] > 0.75
    again = main(["evaluate", "--artifacts", trained["artifacts"]])
    metrics = read_json(Path(trained["artifacts"]) / "val_metrics.json")
    assert {key: again[key] for key in metrics} == near(metrics)


def test_an_export_takes_lists_and_refuses_texts_that_are_none(tagged: Published, tmp_path: Path) -> None:
    run = main(tagged.arguments(tmp_path, "--model", "dnn", "--epochs", "1"))["artifacts"]
    main(["export", "--model", run, "--to", str(tmp_path / "exported")])
    scorer, rows = Scorer(tmp_path / "exported"), tagged.world.tables[tagged.world.last_date]
    place = rows.column_names.index(COLUMN)

    def probabilities(values: pa.Array) -> list[float]:
        return scorer.probabilities(rows.set_column(place, COLUMN, values)).tolist()

    as_in_tables = scorer.probabilities(rows).tolist()
    assert len(set(as_in_tables)) > 100
    tags = [sorted(row) for row in tags_of(tagged, tagged.world.last_date)]
    written_otherwise = [[*row[::-1], " t3 ", None] if "t3" in row else [*row, ""] for row in tags]
    assert probabilities(pa.array(written_otherwise)) == as_in_tables
    empty, null = pa.array([[]] * len(rows), pa.list_(pa.string())), pa.nulls(len(rows), pa.string())
    assert probabilities(empty) == probabilities(null)
    with pytest.raises(TrainingError, match=rf"column {COLUMN} has 't1\|t2', but the model knows lists there"):
        probabilities(pa.array(["t1|t2"] * len(rows)))


def test_a_streamed_training_learns_it_too(
    tagged: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("training.commands.train.BYTES_PER_ROW", 2_500)
    assert main(tagged.arguments(tmp_path, "--model", "dnn", "--memory-mb", "1", *LONG))["auc"] > 0.75
    assert ", streamed" in capsys.readouterr().out


def test_shuffled_tags_say_nothing(tmp_path: Path) -> None:
    shuffled = with_tags(tmp_path / "warehouse", shuffled=True)
    assert main(shuffled.arguments(tmp_path, "--model", "lr", *LONG))["auc"] < 0.6
