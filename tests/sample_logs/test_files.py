"""What is written: the release's columns, readable by anything that reads CSV, and the truth beside it."""

import csv
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from sample_logs.columns import TRUTH_SCHEMA, raw_batch
from sample_logs.logs import SampleLogs
from sample_logs.writing import RAW_FILE, Writer
from tests.sample_logs.conftest import Written
from warehouse.tables import CANDIDATES

# The header of the AntM2C release.
RELEASE_COLUMNS = [
    *("user_id", "item_id", "log_time", "label", "bill_entity_seq", "service_entity_seq", "query_entity_seq"),
    *("item_entity_names", "item_title", "scene"),
    *(f"deep_features_{i}" for i in range(27)),
]
TEXTS = ("bill_entity_seq", "service_entity_seq", "query_entity_seq", "item_entity_names", "item_title")


def header(written: Written, date: str) -> list[str]:
    with written.raw_file(date).open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def all_rows(written: Written) -> list[dict[str, str]]:
    return [row for date in written.settings.dates for row in written.raw(date)]


def test_the_columns_are_the_releases_37_in_its_order(written: Written) -> None:
    assert [header(written, date) for date in written.settings.dates] == [RELEASE_COLUMNS] * written.settings.days


def test_without_deep_features_the_other_ten_columns_remain(own: Written) -> None:
    own.write()
    assert header(own, own.settings.start_date) == RELEASE_COLUMNS[:10]


def test_candidates_are_the_days_impressions_without_labels(own: Written) -> None:
    own.write()
    writer = Writer(own.catalog, own.settings)
    writer.write_candidates(0)
    path = Path(own.catalog.path(CANDIDATES, own.settings.start_date)) / RAW_FILE
    with path.open(encoding="utf-8", newline="") as file:
        candidates = list(csv.DictReader(file))
    impressions = own.raw(own.settings.start_date)
    expected = [{name: value for name, value in row.items() if name != "label"} for row in impressions]
    assert candidates == expected
    path.write_text("user_id\n")
    writer.write_candidates(0)
    assert path.read_text() == "user_id\n", "candidates that are there are left alone"


def test_every_line_has_a_field_for_every_column(written: Written) -> None:
    for date in written.settings.dates:
        with written.raw_file(date).open(encoding="utf-8", newline="") as file:
            assert {len(line) for line in csv.reader(file, strict=True)} == {len(RELEASE_COLUMNS)}


def test_pythons_csv_reader_gets_back_what_was_made(written: Written) -> None:
    logs = SampleLogs(written.settings)
    for day, date in enumerate(written.settings.dates):
        made = [row for block in logs.blocks(day) for row in raw_batch(logs, block, date).to_pylist()]
        read = written.raw(date)
        names = [name for name in RELEASE_COLUMNS if not name.startswith("deep_features")]
        assert [[row[name] for name in names] for row in read] == [[str(row[name]) for name in names] for row in made]


def test_deep_features_are_read_back_to_the_last_bit(written: Written) -> None:
    logs = SampleLogs(written.settings)
    block = next(logs.blocks(0))
    read = written.raw(written.settings.start_date)[: len(block.user)]
    for name, values in logs.deep_features.columns(block.user, block.item).items():
        assert np.array_equal(np.array([row[name] for row in read]).astype(np.float32), values)


def test_texts_hold_what_careless_readers_stumble_over(written: Written) -> None:
    rows = all_rows(written)
    titles = {row["item_title"] for row in rows}
    assert any("," in title and '"' in title for title in titles)
    assert any("，" in title for title in titles)
    assert any("|" in entity for row in rows for entity in row["query_entity_seq"].split(","))
    for name in TEXTS:
        assert any(row[name] == "" for row in rows), name


def test_entities_are_words_with_at_most_one_type(written: Written) -> None:
    for row in all_rows(written):
        for name in ("bill_entity_seq", "service_entity_seq", "query_entity_seq", "item_entity_names"):
            assert re.fullmatch(r"([^,|\"]+(\|[A-Z_]+)?(,(?!$)|$))*", row[name]), row[name]


def test_some_items_have_several_entity_texts_and_each_one_title(written: Written) -> None:
    entities: dict[str, set[str]] = {}
    titles: dict[str, set[str]] = {}
    for row in all_rows(written):
        entities.setdefault(row["item_id"], set()).add(row["item_entity_names"])
        titles.setdefault(row["item_id"], set()).add(row["item_title"])
    assert max(map(len, titles.values())) == 1
    varying = sum(len(texts) > 1 for texts in entities.values()) / len(entities)
    assert 0.02 < varying < 0.2  # 247 of the release's 2,820; items of one row cannot vary


def test_ids_have_seven_digits_and_labels_and_scenes_are_the_releases(written: Written) -> None:
    rows = all_rows(written)
    assert all(re.fullmatch(r"\d{7}", row["user_id"]) and re.fullmatch(r"\d{7}", row["item_id"]) for row in rows)
    assert {row["label"] for row in rows} == {"0", "1"}
    assert {row["scene"] for row in rows} == set("01234")


def test_every_row_lies_in_its_dates_file_in_order_of_time(written: Written) -> None:
    for date in written.settings.dates:
        times = [row["log_time"] for row in written.raw(date)]
        assert {datetime.strptime(time, "%Y-%m-%d %H:%M:%S").date().isoformat() for time in times} == {date}
        assert times == sorted(times)


def test_all_rows_are_there_and_dates_are_alike(written: Written) -> None:
    counts = [len(written.raw(date)) for date in written.settings.dates]
    assert sum(counts) == written.settings.rows
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("day", [0, 1, 2])
def test_truth_rows_are_the_logs_rows_one_to_one(written: Written, day: int) -> None:
    date = written.settings.dates[day]
    keys = [(row["user_id"], row["item_id"], row["log_time"], int(row["scene"])) for row in written.raw(date)]
    truth = written.truth(date)
    assert keys == [
        (row["user_id"], row["item_id"], row["log_ts"].strftime("%Y-%m-%d %H:%M:%S"), row["scene"]) for row in truth
    ]


def test_truth_holds_probabilities_and_no_label(written: Written) -> None:
    assert TRUTH_SCHEMA.names == ["user_id", "item_id", "log_ts", "scene", "click_probability"]
    assert all(0 < row["click_probability"] < 1 for row in written.truth(written.settings.start_date))


def test_written_labels_are_drawn_from_the_written_probabilities(written: Written) -> None:
    pairs = [
        (int(row["label"]), truth["click_probability"])
        for date in written.settings.dates
        for row, truth in zip(written.raw(date), written.truth(date), strict=True)
    ]
    label, probability = np.array(pairs).T
    likely = probability > np.median(probability)
    for half in (likely, ~likely):
        deviation = np.sqrt((probability[half] * (1 - probability[half])).sum())
        assert abs((label[half] - probability[half]).sum()) < 4 * deviation


def test_no_column_of_the_log_tells_label_or_probability(written: Written) -> None:
    """Within one pair of user and item, in which nothing but the time moves the probability, no column follows a click.

    Here: columns other than time and label have one value a pair, except the entity texts that vary by chance.
    """
    values: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for row in all_rows(written):
        fixed = tuple(row[name] for name in RELEASE_COLUMNS if name not in ("log_time", "label", "item_entity_names"))
        values.setdefault((row["user_id"], row["item_id"]), set()).add(fixed)
    assert max(map(len, values.values())) == 1
