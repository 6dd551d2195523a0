"""What an asset's event says of the training table."""

from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.assets import TRAINING_TABLE, describe_training_table
from tests.dags.conftest import DATASET, HandMadeWarehouse
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


def event(warehouse: HandMadeWarehouse, *dates: str) -> dict[str, Any]:
    task = SimpleNamespace(application_args=["--warehouse", warehouse.uri, "--dataset", DATASET, *dates])
    events = {TRAINING_TABLE: SimpleNamespace()}
    describe_training_table({"task": task, "outlet_events": events})
    return events[TRAINING_TABLE].extra


@pytest.mark.parametrize(
    ("dates", "said", "rows", "rejects", "last"),
    [
        (["--date", "2023-07-10"], "2023-07-10", 97, 3, "2023-07-10"),
        (
            ["--start-date", "2023-07-10", "--end-date", "2023-07-11"],
            "2023-07-10 to 2023-07-11",
            137,
            3,
            "2023-07-11",
        ),
    ],
)
def test_an_event_adds_up_its_dates(
    two_dates: HandMadeWarehouse, dates: list[str], said: str, rows: int, rejects: int, last: str
) -> None:
    version = two_dates.catalog.manifest(TRAIN, last).version
    assert event(two_dates, *dates) == {"dates": said, "rows": rows, "rejects": rejects, "version": version}
