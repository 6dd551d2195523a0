"""Windows of tables as DataFrames, against the rows that were published."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.training.logs import World
from warehouse.errors import WarehouseError
from warehouse.frames import read_frame
from warehouse.tables import TRAIN


@pytest.fixture(scope="module")
def world() -> World:
    return World(days=4, rows=200, worded=True)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warehouse")
    world.publish(folder)
    return folder


def test_a_window_has_the_published_rows_backed_by_arrow(world: World, folder: Path) -> None:
    first, second = sorted(world.tables)[1:3]
    frame = read_frame("train", first, second, warehouse=str(folder), dataset="demo")
    assert list(frame.columns) == ["date", *TRAIN.column_names]
    order = ["log_ts", "user_id", "item_id", "scene"]
    expected = pa.concat_tables([world.tables[first], world.tables[second]]).to_pylist()
    found = frame.drop(columns="date").sort_values(order).to_dict("list")
    by_column = sorted(expected, key=lambda row: [row[name] for name in order])
    assert {name: pa.array(values, from_pandas=True).to_pylist() for name, values in found.items()} == {
        name: [row[name] for row in by_column] for name in TRAIN.column_names
    }
    assert {str(date) for date in frame["date"]} == {first, second}
    assert "pyarrow" in repr(frame["u_ctr_7d"].dtype)
    assert "pyarrow" in repr(frame["item_title"].dtype.storage)


def test_columns_can_be_chosen(world: World, folder: Path) -> None:
    first = min(world.tables)
    frame = read_frame("train", first, first, ["label", "date", "scene"], warehouse=str(folder), dataset="demo")
    assert list(frame.columns) == ["label", "date", "scene"]
    assert len(frame) == len(world.tables[first])


def test_columns_are_those_of_the_scenes_of_the_dataset_and_not_of_this_process(world: World, tmp_path: Path) -> None:
    world.publish(tmp_path)
    (tmp_path / "raw_demo").mkdir(exist_ok=True)
    (tmp_path / "raw_demo" / "mapping.toml").write_text("scenes = 2")
    first = min(world.tables)
    frame = read_frame("train", first, first, warehouse=str(tmp_path), dataset="demo")
    assert list(frame.columns) == ["date", *(name for name, _ in TRAIN.columns_for(2))]


@pytest.mark.parametrize(
    ("table", "start", "end", "columns", "problem"),
    [
        ("train", "2023-07-12", "2023-07-15", None, r"lacks 2 of these dates, 2023-07-14 first; there are 2023-07-10"),
        ("train", "2023-07-12", "2023-07-11", None, "2023-07-12, is after the last one, 2023-07-11"),
        ("train", "July", "2023-07-11", None, "'July' is not a date: write it as YYYY-MM-DD"),
        ("train", "2023-07-10", "2023-07-10", ["clicks"], "train_demo_parquet has no column clicks: it has date"),
        (
            "scores",
            "2023-07-10",
            "2023-07-10",
            None,
            "lacks 1 of these dates.* no dates at all .*_candidates and predict",
        ),
        ("logs", "2023-07-10", "2023-07-10", None, "there is no table 'logs'"),
    ],
)
def test_what_is_not_there_is_told(
    folder: Path, table: str, start: str, end: str, columns: list[str] | None, problem: str
) -> None:
    with pytest.raises(WarehouseError, match=problem):
        read_frame(table, start, end, columns, warehouse=str(folder), dataset="demo")
