"""What an asset event says about the training table."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from orchestration.assets import TRAINING_TABLE, describe_training_table
from tests.dags.conftest import HandMadeWarehouse
from warehouse.publish import Content, StagedPartition
from warehouse.tables import LOGS, TRAIN

ROWS = {"2023-07-10": (97, 3), "2023-07-11": (40, 0)}  # valid, rejected


@pytest.fixture
def two_dates(warehouse: HandMadeWarehouse) -> HandMadeWarehouse:
    for day, (valid, rejected) in ROWS.items():
        for table in (LOGS, TRAIN):
            with StagedPartition(warehouse.catalog, table, day) as staged:
                content = Content(valid, [], day, rows_in=valid + rejected, rejects={"malformed": rejected})
                staged.publish(content, [])
    return warehouse


def event(first: str, last: str) -> SimpleNamespace:
    task = SimpleNamespace(first_date=first, last_date=last, log=Mock())
    events = {TRAINING_TABLE: SimpleNamespace()}
    describe_training_table({"task": task, "outlet_events": events})
    return events[TRAINING_TABLE]


@pytest.mark.parametrize(
    ("first", "last", "dates", "rows"),
    [
        ("2023-07-10", "2023-07-10", "2023-07-10", 97),
        ("2023-07-10", "2023-07-11", "2023-07-10 to 2023-07-11", 137),
    ],
)
def test_an_event_adds_up_its_dates(two_dates: HandMadeWarehouse, first: str, last: str, dates: str, rows: int) -> None:
    version = two_dates.catalog.manifest(TRAIN, last).version
    assert event(first, last).extra == {"dates": dates, "rows": rows, "rejects": 3, "version": version}


def test_a_table_that_cannot_be_described_is_published_all_the_same(two_dates: HandMadeWarehouse) -> None:
    catalog = two_dates.catalog
    catalog.storage.write_text(f"{catalog.path(TRAIN, '2023-07-10')}/_manifest.json", "{")
    assert not hasattr(event("2023-07-10", "2023-07-10"), "extra")
    assert not hasattr(event("no date", "no date"), "extra")
